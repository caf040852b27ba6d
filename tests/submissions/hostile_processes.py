"""Scripts that never end, take all there is, or try to end somebody else."""

from tests.submissions.attacks import ANY, AT_IMPORT, CANARY, HARMLESS, IN_GRAPH, IN_MAIN, IN_MODEL, OPEN, hostile

FOREVER = "while True:\n    pass\n"

ENDLESS = [
    hostile("endless_loop_at_import", "never be imported", FOREVER, AT_IMPORT, endless=True),
    hostile("endless_loop_in_init", "never be made", FOREVER, IN_MODEL, at="init", endless=True),
    hostile("endless_loop_in_call", "never come to logits", FOREVER, IN_MODEL, at="call", endless=True),
    hostile("endless_loop_in_training", "never finish a step", FOREVER, IN_MAIN, at="training", endless=True),
    hostile(
        "endless_loop_with_dropout",
        "never be trained",
        "while keep_prob < 1:\n    pass\n",
        IN_MODEL,
        at="call",
        endless=True,
    ),
    hostile(
        "endless_loop_in_the_graph",
        "have whoever runs the graph wait",
        """
        if not tf.executing_eagerly():
            x = tf.while_loop(lambda x: True, lambda x: [x * 1.0], [x])[0]
        """,
        IN_GRAPH | {"architecture": "undecided"},  # a loop is not read, whether it ends or not
        at="call",
        endless=True,
    ),
    hostile(
        "sleeps", "wait without using the processor", "import time\n\ntime.sleep(10**8)\n", AT_IMPORT, endless=True
    ),
    hostile(
        "stops_itself",
        "stop without ending",
        "import signal\n\nos.kill(os.getpid(), signal.SIGSTOP)\n",
        AT_IMPORT,
        endless=True,
    ),
    hostile(
        "ignores_signals",
        "not be told to end",
        """
        import signal

        for number in range(1, signal.NSIG):
            attempt(signal.signal, number, signal.SIG_IGN)
        while True:
            pass
        """,
        AT_IMPORT,
        endless=True,
    ),
    hostile(
        "thread_that_never_ends",
        "outlive main in a thread",
        """
        import threading
        import time

        threading.Thread(target=time.sleep, args=[10**8]).start()
        """,
        OPEN,
        at="main",
        endless=True,
    ),
    hostile(
        "endless_loop_at_exit",
        "never let Python end",
        """
        import atexit

        atexit.register(forever)
        """,
        OPEN,
        endless=True,
    ),
    hostile(
        "endless_property",
        "never tell its variables",
        "type(self).trainable_variables = property(forever)\n",
        {"run": "failed", "architecture": ANY, "training": "failed|skipped"},
        at="init",
        endless=True,
    ),
    hostile(
        "endless_getattr",
        "never say that an attribute is missing",
        "type(self).__getattr__ = forever\n",
        OPEN,
        at="init",
        endless=True,
    ),
    hostile(
        "endless_exception_text",
        "never say what is wrong",
        """
        class Endless(Exception):
            def __str__(self):
                while True:
                    pass

        raise Endless
        """,
        AT_IMPORT,
        endless=True,
    ),
]

BOMBS = [
    hostile(
        "fork_bomb",
        "fill the table of processes",
        """
        while True:
            try:
                os.fork()
            except OSError:
                pass
        """,
        AT_IMPORT,
        ends_sandbox=True,
    ),
    hostile(
        "thread_bomb",
        "start threads without end",
        """
        import threading
        import time

        while True:
            threading.Thread(target=time.sleep, args=[10**8], daemon=True).start()
        """,
        AT_IMPORT,
    ),
    hostile("64_gigabytes", "take all memory at once", "hoard = bytearray(64 * 2**30)\n", AT_IMPORT),
    hostile(
        "memory_by_and_by",
        "take all memory in pieces",
        """
        hoard = []
        while True:
            hoard.append(b"x" * 2**25)
        """,
        AT_IMPORT,
    ),
    hostile(
        "shared_memory",
        "take memory that no limit of a process counts",
        """
        import mmap

        hoard = mmap.mmap(-1, 64 * 2**30)
        for page in range(0, len(hoard), 4096):
            hoard[page] = 1
        """,
        AT_IMPORT,
    ),
    hostile(
        "memory_of_many_processes",
        "stay below the limit of each process",
        """
        import time

        for _ in range(32):
            if os.fork() == 0:
                hoard = b"x" * 2**30
                time.sleep(10**8)
        time.sleep(10**8)
        """,
        AT_IMPORT,
        ends_sandbox=True,
    ),
    hostile(
        "full_tmp",
        "fill the memory behind /tmp and /dev/shm",
        """
        for folder in ("/tmp", "/dev/shm"):
            for number in range(10**6):
                with open(f"{folder}/{number}", "wb") as file:
                    file.write(bytes(2**20))
        """,
        AT_IMPORT,
    ),
    hostile(
        "huge_output_file",
        "fill the disk with one file",
        """
        with open("/output/huge", "wb") as file:
            while True:
                file.write(bytes(2**24))
        """,
        AT_IMPORT,
    ),
    hostile(
        "sparse_output_file",
        "leave a file that is larger than it looks",
        """
        with open("/output/sparse", "wb") as file:
            file.truncate(2**42)
        """,
        AT_IMPORT,
    ),
    hostile(
        "many_output_files",
        "leave more files than anyone can copy",
        """
        for number in range(10**6):
            os.makedirs(f"/output/{number}/" + "d/" * 20)
            open(f"/output/{number}/x", "w").close()
        """,
        AT_IMPORT,
        ends_sandbox=True,
    ),
    hostile("stdout_flood", "print without end", "while True:\n    print('x' * 10**6)\n", AT_IMPORT),
    hostile("stderr_flood", "complain without end", "while True:\n    os.write(2, b'x' * 65536)\n", AT_IMPORT),
    hostile(
        "flood_of_a_child",
        "print without end, from a process that is left behind",
        """
        if os.fork() == 0:
            os.setsid()
            while True:
                os.write(1, b"x" * 65536)
        """,
        OPEN,
    ),
    hostile("huge_exception", "give a reason of 500 MB", "raise ValueError('x' * (500 * 10**6))\n", AT_IMPORT),
    hostile(
        "recursion_bomb",
        "overflow the stack",
        """
        class Nested:
            def __getattr__(self, name):
                return getattr(self, name + "x")

        sys.setrecursionlimit(10**9)
        Nested().x
        """,
        AT_IMPORT,
    ),
    hostile("segmentation_fault", "crash the interpreter", "import ctypes\n\nctypes.string_at(0)\n", AT_IMPORT),
    hostile("abort", "leave a core dump", "os.abort()\n", AT_IMPORT),
    hostile(
        "huge_graph",
        "have a graph of a million operations read",
        "for _ in range(10**6):\n    x = x + 0.0\n",
        {"run": "passed|failed", "architecture": "failed|skipped", "training": "skipped"},
        at="call",
        endless=True,
    ),
    hostile(
        "variable_of_three_gigabytes",
        "have weights saved that fill the memory",
        "self.hoard = tf.Variable(tf.zeros([750, 10**6]))\n",
        OPEN,
        at="init",
    ),
    hostile(
        "constant_of_two_gigabytes",
        "have a graph written that no message can hold",
        "x = x + tf.reduce_sum(tf.zeros([784, 2**20]) * np.zeros([784, 2**19]).repeat(2, 1).astype('f'), axis=1)\n",
        IN_MODEL | {"run": "passed|failed"},
        at="call",
    ),
]

EXITS = [
    hostile("os_exit_at_import", "end well at once", "os._exit(0)\n", AT_IMPORT),
    hostile("sys_exit_at_import", "end well at once, in the usual way", "sys.exit(0)\n", AT_IMPORT),
    hostile("system_exit_in_init", "end well before there is a network", "raise SystemExit(0)\n", IN_MODEL, at="init"),
    hostile("os_exit_in_call", "end well before there are logits", "os._exit(0)\n", IN_MODEL, at="call"),
    hostile("os_exit_in_training", "end well without a step", "os._exit(0)\n", IN_MAIN, at="training"),
    hostile(
        "sys_exit_in_training", "end well without a step, in the usual way", "sys.exit(0)\n", IN_MAIN, at="training"
    ),
    hostile(
        "becomes_another_program",
        "let another program say that all is well",
        """
        os.execv(sys.executable, [sys.executable, "-c", "print('test accuracy 0.9999 (10,000 images, MNIST)')"])
        """,
        AT_IMPORT,
    ),
    hostile(
        "kills_its_parent",
        "leave nobody who could tell",
        """
        import signal

        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        AT_IMPORT,
        ends_sandbox=True,
    ),
    hostile(
        "kills_everybody",
        "end all that its user may end",
        """
        import signal

        os.kill(-1, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        AT_IMPORT,
        ends_sandbox=True,
    ),
    hostile(
        "stops_everybody",
        "have everybody wait",
        """
        import signal

        os.kill(-1, signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        """,
        AT_IMPORT,
        sisters=ANY,  # it waits until the time of all is over
        endless=True,
    ),
    hostile(
        "leaves_a_daemon",
        "outlive the run and leave a mark later",
        f"""
        import subprocess

        code = "import time\\nwhile True:\\n    open('/tmp/{CANARY}', 'w').close()\\n    time.sleep(0.1)"
        subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.DEVNULL)
        """,
        HARMLESS,
    ),
    hostile(
        "leaves_a_daemon_that_talks",
        "keep its output open, so that who reads it waits",
        f"""
        import subprocess

        subprocess.Popen([sys.executable, "-c", "import time\\ntime.sleep(10**8)  # {CANARY}"], start_new_session=True)
        """,
        HARMLESS,
    ),
]

ATTACKS = [*ENDLESS, *BOMBS, *EXITS]
