"""What a sandbox must prevent, tried for real: every script here does in bubblewrap what a hostile one would do.

Without bubblewrap these tests are skipped; they are never mocked.
"""

import ctypes
import itertools
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import uuid
import venv
from dataclasses import replace
from pathlib import Path

import pytest

from grading.sandbox import bubblewrap, seccomp
from grading.sandbox.choice import Limits, SandboxError
from tests.support.needs import needs
from tests.support.tracing import ROOT

psutil = needs("psutil")
pytestmark = pytest.mark.grading

MIB = 2**20
PATIENCE = 60  # seconds: not a figure to reach, but to end what hangs
QUICK = Limits(wall_seconds=PATIENCE, memory_bytes=512 * MIB, processes=64, scratch_bytes=8 * MIB, output_bytes=4 * MIB)
AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="only root has another user to run a sandbox as")


@pytest.fixture(scope="module")
def sandbox(sandbox):
    """Return the sandbox; skip the test where it is another one than this module is about."""
    if sandbox.name != "bubblewrap":
        pytest.skip("bubblewrap is not installed, or does not work here: python -m grading doctor tells")
    return sandbox


@pytest.fixture
def run(sandbox):
    """Return a function that runs a script in the sandbox; afterwards, no process of it may be left."""
    marker = uuid.uuid4().hex

    def run(code, *arguments, limits=QUICK, **options):
        outcome = sandbox.run(
            [sandbox.python, "-c", textwrap.dedent(code), *map(str, arguments), marker], limits=limits, **options
        )
        assert not survivors(marker)
        return outcome

    return run


def survivors(marker):
    """Find the processes with `marker` in their command line, and those that bwrap started for them."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(marker in argument for argument in process.info["cmdline"] or []) and process.pid != os.getpid():
            found.append(process)
    return found


def printed(outcome):
    """Return what a script that succeeded printed, as JSON."""
    assert outcome.problem is None, outcome
    return json.loads(outcome.log)


# ------------------------------------------------------------------------------------------------- what it can reach


@pytest.mark.smoke
def test_the_network_is_out_of_reach_the_host_s_own_services_too(run):
    with socket.create_server(("127.0.0.1", 0)) as server:
        outcome = run(
            """
            import json, socket, sys
            answers = []
            for address in (("127.0.0.1", int(sys.argv[1])), ("192.0.2.1", 80), ("8.8.8.8", 53)):
                try:
                    socket.create_connection(address, 2)
                    answers.append("connected")
                except OSError as error:
                    answers.append(error.strerror)
            interfaces = [name for _, name in socket.if_nameindex()]
            print(json.dumps([answers, interfaces]))
            """,
            server.getsockname()[1],
        )
    assert printed(outcome) == [["Connection refused", "Network is unreachable", "Network is unreachable"], ["lo"]]


def test_abstract_sockets_of_the_host_are_out_of_reach(run):
    name = f"\0{uuid.uuid4().hex}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        outcome = run(f"import socket; socket.socket(socket.AF_UNIX).connect({name!r})")
    assert "ConnectionRefusedError" in outcome.log


def test_every_namespace_is_its_own(run):
    kinds = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"]
    ours = {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in kinds}
    code = f"import json, os; print(json.dumps({{kind: os.readlink('/proc/self/ns/' + kind) for kind in {kinds}}}))"
    theirs = printed(run(code))
    assert [kind for kind in kinds if ours[kind] == theirs[kind]] == []


def test_it_sees_no_process_but_its_own(run):
    assert printed(run("import json, os; print(json.dumps([p for p in os.listdir('/proc') if p.isdigit()]))")) == [
        "1",
        "2",
    ]


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "/etc/shadow", "/etc/hostname", "/usr/bin/env", "/sys", "/dev/tty", ROOT / "README.md"],
)
def test_the_host_s_files_are_out_of_sight(run, path):
    outcome = run(f"import os; os.stat({str(path)!r})")
    assert "FileNotFoundError" in outcome.log


LOOK_AT_THE_WAY = '''
import sys
from grading.sandbox import bubblewrap

if sys.argv[1] == "as one user":
    bubblewrap.os.geteuid = lambda: 1000
look = """
import json, os, sys
from pathlib import Path

seen = {}
for folder in Path(sys.prefix).parents:
    try:
        (folder / "mine").touch()
        seen[str(folder)] = "writable"
    except OSError:
        seen[str(folder)] = os.listdir(folder)
print(json.dumps(seen))
"""
sandbox = bubblewrap.Bubblewrap()
print(sandbox.run([sandbox.python, "-c", look]).log)
'''


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("users", ["as configured", "as one user"])
@pytest.mark.parametrize("above", ["/tmp", "/var/tmp"])
@pytest.mark.smoke
def test_of_the_folders_on_the_way_to_an_environment_there_is_the_way_and_no_more(above, users):
    with tempfile.TemporaryDirectory(dir=above) as folder:
        course = Path(folder, "the course")
        (course / "submissions").mkdir(parents=True)
        (course / "README.md").write_text("the course's")
        os.chmod(folder, 0o755)
        venv.create(course / ".venv", symlinks=True)
        packages = os.pathsep.join([str(ROOT), *sys.path[1:]])
        command = [course / ".venv/bin/python", "-c", LOOK_AT_THE_WAY, users]
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": packages}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen.pop("/") != "writable"
    assert seen.pop("/tmp", "writable") == "writable"
    way = [*reversed(course.parents[:-1]), course, course / ".venv"]
    assert seen == {str(folder): [below.name] for folder, below in itertools.pairwise(way) if str(folder) != "/tmp"}


LOOK_AT_THE_COURSE = """
import json, os, sys
from pathlib import Path
from grading.sandbox import bubblewrap, choice

found = bubblewrap.Bubblewrap()
look = "import json, os, sys; print(json.dumps([sys.prefix, sorted(os.listdir(sys.prefix))]))"
seen = json.loads(found.run([found.python, "-c", look]).log)
told = []
for name in ("submissions", "grades", "lib/submissions", "bin"):
    try:
        choice.check_hidden(found, {"SUBMISSIONS": Path(sys.prefix, name)})
    except choice.SandboxError as error:
        told.append(str(error))
print(json.dumps([*seen, told]))
"""


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("above", ["/tmp", "/var/tmp"])
def test_an_environment_in_the_course_s_own_folder_shows_no_more_than_its_parts(above):
    with tempfile.TemporaryDirectory(dir=above) as folder:
        course = Path(folder, "the course")
        (course / "submissions").mkdir(parents=True)
        (course / "grades.csv").write_text("marks")
        os.chmod(folder, 0o755)
        venv.create(course, symlinks=True)
        packages = os.pathsep.join([str(ROOT), *sys.path[1:]])
        command = [course / "bin/python", "-c", LOOK_AT_THE_COURSE]
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": packages}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    prefix, seen, told = json.loads(done.stdout)
    assert prefix == str(course)
    assert seen == sorted(part for part in bubblewrap.ENVIRONMENT if part in ("lib64", *seen))
    assert {"bin", "lib", "pyvenv.cfg"} <= set(seen)
    assert len(told) == 2
    assert told[0].startswith(f"SUBMISSIONS ({course}/lib/submissions) would be shown to student code")


def test_it_sees_its_own_submission_and_no_other(run, tmp_path):
    tmp_path.chmod(0o755)
    for name in ("own", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model_no1.py").write_text(f"# {name}")
    outcome = run(
        """
        import json, os, sys
        own = open("/submission/model_no1.py").read()
        print(json.dumps([own, os.path.exists(sys.argv[1]), os.listdir("/submission/..")]))
        """,
        tmp_path / "other",
        read_only={"/submission": tmp_path / "own"},
    )
    own, other_exists, root = printed(outcome)
    assert (own, other_exists) == ("# own", False)
    assert set(root) <= {"dev", "etc", "init.py", "proc", "submission", "tmp", "usr", *Path(sys.prefix).parts} | {
        *Path(sys.base_prefix).parts,
        *bubblewrap.LIBRARIES,
    }


@pytest.mark.smoke
def test_only_scratch_and_output_can_be_written(run, tmp_path):
    tmp_path.chmod(0o755)
    outcome = run(
        """
        import json, os
        writable = []
        for folder, folders, _ in os.walk("/"):
            if folder.count("/") > 5 or folder.startswith("/proc/"):
                folders.clear()
            try:
                os.mkdir(os.path.join(folder, "mine"))
                os.rmdir(os.path.join(folder, "mine"))
                writable.append(folder)
            except OSError:
                pass
        print(json.dumps(sorted(writable)))
        """,
        read_only={"/submission": tmp_path},
        output=tmp_path / "output",
    )
    assert printed(outcome) == ["/dev/shm", "/output", "/tmp"]


def test_files_shown_can_t_be_changed_even_by_their_owner(run, tmp_path):
    tmp_path.chmod(0o777)
    (tmp_path / "data").write_text("good")
    (tmp_path / "data").chmod(0o666)
    outcome = run("open('/data/data', 'w').write('bad')", read_only={"/data": tmp_path})
    assert "Read-only file system" in outcome.log
    assert (tmp_path / "data").read_text() == "good"


def test_the_environment_of_the_grader_stays_outside(run, monkeypatch):
    monkeypatch.setenv("TOKEN", "secret")
    variables = printed(run("import json, os; print(json.dumps(dict(os.environ)))", env={"MINE": "1"}))
    assert (variables["MINE"], variables["HOME"]) == ("1", "/tmp")
    assert "TOKEN" not in variables
    assert "secret" not in variables.values()


def test_no_descriptor_of_the_grader_comes_along(run):
    links = "{name: os.readlink(f'/proc/self/fd/{name}') for name in '012'}, sorted(os.listdir('/proc/self/fd'))"
    streams, descriptors = printed(run(f"import json, os; print(json.dumps([{links}]))"))
    assert streams["0"] == "/dev/null"
    assert descriptors == ["0", "1", "2", "3"]  # the last is the listing's own


@only_root
def test_root_s_sandbox_runs_as_another_user(sandbox):
    marker = uuid.uuid4().hex
    code = "import sys; print(sys.stdin.readline(), flush=True); sys.stdin.read()"
    with sandbox.start([sandbox.python, "-c", code, marker]) as running:
        running.ask(b"are you there?", PATIENCE)
        script = next(p for p in survivors(marker) if p.cmdline()[1] == "-c")
        assert all(uid in bubblewrap.TRANSIENT_USERS for uid in (*script.uids(), *script.gids()))
    assert not survivors(marker)


def test_it_has_no_privilege_and_can_t_get_one(run):
    status = run("print(open('/proc/self/status').read())").log
    fields = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
    assert (fields["CapPrm"], fields["CapEff"], fields["CapAmb"]) == ("0" * 16,) * 3
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")


@only_root
def test_a_setuid_program_gives_it_nothing(run, tmp_path):
    tmp_path.chmod(0o755)
    program = shutil.copy(shutil.which("id"), tmp_path)
    os.chmod(program, 0o4755)  # of root
    outcome = run("import os; os.execv('/tools/id', ['id', '-u'])", read_only={"/tools": tmp_path})
    assert outcome.log.strip() == "1000"


def test_a_folder_closed_to_the_sandbox_s_user_is_told_at_once(sandbox, tmp_path):
    if not AS_ROOT:
        pytest.skip("without root, the sandbox's user is the grader's")
    tmp_path.chmod(0o700)
    with pytest.raises(SandboxError, match="chmod"):
        sandbox.run([sandbox.python, "-c", ""], read_only={"/submission": tmp_path})


# ------------------------------------------------------------------------------------------------------ system calls


@pytest.mark.skipif(platform.machine() not in seccomp.AUDIT_ARCHITECTURE, reason="a processor without a filter")
def test_system_calls_without_use_are_refused(run):
    column = list(seccomp.AUDIT_ARCHITECTURE).index(platform.machine())
    numbers = {name: pair[column] for name, pair in (seccomp.REFUSED | seccomp.ABSENT).items()}
    outcome = run(
        f"""
        import ctypes, errno, json, socket
        libc = ctypes.CDLL(None, use_errno=True)
        answers = {{}}
        for name, number in {numbers}.items():
            answers[name] = "done" if libc.syscall(number, 0, 0, 0, 0, 0) >= 0 else errno.errorcode[ctypes.get_errno()]
        libc.syscall({seccomp.CLONE[column]}, {seccomp.CLONE_NEWUSER}, 0, 0, 0, 0)
        answers["clone"] = errno.errorcode[ctypes.get_errno()]
        for family in (socket.AF_VSOCK, socket.AF_ALG, socket.AF_PACKET):
            try:
                socket.socket(family, socket.SOCK_STREAM)
            except OSError as error:
                answers[family.name] = errno.errorcode[error.errno]
        print(json.dumps(answers))
        """
    )
    expected = dict.fromkeys(seccomp.REFUSED, "EPERM") | dict.fromkeys(seccomp.ABSENT, "ENOSYS") | {"clone": "EPERM"}
    assert printed(outcome) == expected | dict.fromkeys(("AF_VSOCK", "AF_ALG", "AF_PACKET"), "EAFNOSUPPORT")


@pytest.mark.parametrize("machine", list(seccomp.AUDIT_ARCHITECTURE))
def test_the_filter_decides_as_its_tables_say_on_every_processor(machine):
    column = list(seccomp.AUDIT_ARCHITECTURE).index(machine)
    architecture = seccomp.AUDIT_ARCHITECTURE[machine]
    program = seccomp.program(machine)
    by_argument = {rule.numbers[column] for rule in seccomp.RULES.values()}
    refused = {pair[column] for pair in seccomp.REFUSED.values()}
    absent = {pair[column] for pair in seccomp.ABSENT.values()}
    for number in set(range(600)) - by_argument:
        want = 0x50001 if number in refused else 0x50026 if number in absent else 0x7FFF0000
        if number == seccomp.SOCKET[column]:
            want = 0x50061  # of family 0
        assert simulated(program, number, architecture) == want, number
    allowed = [f for f in range(64) if simulated(program, seccomp.SOCKET[column], architecture, f) == 0x7FFF0000]
    assert allowed == [1, 2, 10, 16]
    assert simulated(program, seccomp.CLONE[column], architecture, 0x10000011) == 0x50001
    assert simulated(program, seccomp.CLONE[column], architecture, 0x003D0F00) == 0x7FFF0000  # a thread's
    assert simulated(program, 0, architecture ^ 1) == 0x80000000
    assert simulated(program, 0x40000000, architecture) == 0x50026


@pytest.mark.parametrize("machine", list(seccomp.AUDIT_ARCHITECTURE))
@pytest.mark.parametrize(
    ("name", "refused", "allowed"),
    [
        ("mmap", (0, 4096, 3, 0x21), (0, 4096, 3, 0x22)),
        ("mmap", (0, 4096, 3, 0x23), (0, 4096, 3, 0x01)),  # MAP_SHARED_VALIDATE; of a file
        ("mmap", (0, 4096, 3, 0x40021), (0, 4096, 3, 0x4022)),  # in huge pages
        ("rt_sigaction", (17, 0x7FFF1000), (17, 0)),  # who only asks
        ("rt_sigaction", (17, 2**32), (2, 2**32)),
        ("clone of a thread", (0x003D0B00,), (0x003D0F00,)),  # with open files of its own
        ("prctl PR_SET_SECCOMP", (22, 2), (38, 1)),
        ("prctl PR_FUTEX_HASH", (78, 1), (15, 1)),
        ("prlimit64", (1, 7), (0, 7)),
        ("sched_setaffinity", (1, 8), (0, 8)),
        ("setpriority", (0, 1, 19), (0, 0, 19)),
        ("setpriority", (2, 0, 19), (0, 7, 19)),  # of all that the user has
        ("ioprio_set", (1, 1, 0), (1, 0, 0)),
        ("setsockopt SO_SNDBUF", (5, 1, 7), (5, 1, 2)),
        ("setsockopt SO_RCVBUF", (5, 1, 8), (5, 6, 8)),
    ],
)
def test_the_filter_looks_at_arguments(machine, name, refused, allowed):
    program, architecture = seccomp.program(machine), seccomp.AUDIT_ARCHITECTURE[machine]
    rule = seccomp.RULES[name]
    number = rule.numbers[list(seccomp.AUDIT_ARCHITECTURE).index(machine)]
    assert simulated(program, number, architecture, *refused) == 0x50000 | rule.error
    assert simulated(program, number, architecture, *allowed) == 0x7FFF0000


@pytest.mark.parametrize("machine", list(seccomp.AUDIT_ARCHITECTURE))
def test_where_no_namespace_is_around_the_filter_refuses_every_socket_and_what_aims_at_other_processes(machine):
    architecture = seccomp.AUDIT_ARCHITECTURE[machine]
    within, without = (seccomp.program(machine, namespaces=namespaces) for namespaces in (True, False))
    # socket, socketpair, bind, connect: from the kernel's tables
    for number in {"x86_64": (41, 53, 49, 42), "aarch64": (198, 199, 200, 203)}[machine]:
        assert simulated(within, number, architecture, 1, 1) == 0x7FFF0000
        assert simulated(without, number, architecture, 1, 1) == 0x50001
    # sched_setaffinity, sched_setscheduler, setpriority, prlimit64: with the place of the process's number
    for number, place in {
        "x86_64": ((203, 0), (144, 0), (141, 1), (302, 0)),
        "aarch64": ((122, 0), (119, 0), (140, 1), (261, 0)),
    }[machine]:
        other = [0] * place + [4321]
        assert simulated(within, number, architecture, *other) == 0x7FFF0000
        assert simulated(without, number, architecture, *other) == 0x50001
        assert simulated(without, number, architecture, 0, 0) == 0x7FFF0000


def simulated(program, number, architecture, *arguments):
    """Return the kernel's answer: run the filter by the rules of classic BPF."""
    data = {0: number, 4: architecture}
    for place, argument in enumerate((*arguments, *[0] * (6 - len(arguments)))):
        data |= {16 + 8 * place: argument % 2**32, 20 + 8 * place: argument >> 32}
    steps = [ctypes.c_uint64.from_buffer_copy(program, at).value for at in range(0, len(program), 8)]
    at, register = 0, 0
    while True:
        code, if_true, if_false, value = (
            steps[at] & 0xFFFF,
            steps[at] >> 16 & 0xFF,
            steps[at] >> 24 & 0xFF,
            steps[at] >> 32,
        )
        if code == 0x20:
            register, taken = data[value], None
        elif code == 0x06:
            return value
        else:
            taken = {0x15: register == value, 0x35: register >= value, 0x45: bool(register & value)}[code]
        at += 1 + (0 if taken is None else if_true if taken else if_false)


# ------------------------------------------------------------------------------------------------------------ limits


def test_an_endless_loop_ends_at_its_wall_time(run):
    outcome = run("import time\nwhile True: time.sleep(1)", limits=Limits(wall_seconds=1))
    assert (outcome.ended, outcome.status) == ("timeout", None)
    assert outcome.problem == "ran longer than the 1 s allowed and was stopped"


def test_processor_time_is_counted_over_all_processes_and_ignoring_signals_does_not_help(run):
    code = """
    import os, signal
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU):
        signal.signal(number, signal.SIG_IGN)
    os.fork()
    while True: pass
    """
    outcome = run(code, limits=Limits(wall_seconds=PATIENCE, cpu_seconds=1))
    assert outcome.ended == "cpu"
    assert outcome.cpu_seconds >= 1


def test_processor_time_of_children_is_told(run):
    outcome = run("import os, time\nif not os.fork():\n    while time.process_time() < 0.3: pass\nelse: os.wait()")
    assert outcome.problem is None
    assert outcome.cpu_seconds > 0.3


def test_a_fork_bomb_is_ended_and_leaves_nothing(run):
    outcome = run(
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", limits=replace(QUICK, wall_seconds=1)
    )
    assert outcome.ended == "timeout"


def test_processes_are_counted_in_this_sandbox_alone(run):
    code = """
    import os, time
    for started in range(100):
        try:
            if os.fork() == 0:
                time.sleep(600)
        except BlockingIOError:
            break
    print(started)
    """
    assert 17 <= int(run(code, limits=Limits(processes=20)).log) <= 19  # the script itself counts, and maybe the watch


def test_64_gigabytes_can_t_be_had(run):
    outcome = run("block = bytearray(64 * 2**30)")
    assert "MemoryError" in outcome.log
    assert outcome.problem


@pytest.mark.smoke
def test_memory_is_counted_over_all_processes(run):
    code = """
    import os, time
    for _ in range(8):
        if os.fork() == 0:
            block = bytearray(b"1") * (32 * 2**20)
            time.sleep(600)
    time.sleep(600)
    """
    outcome = run(code, limits=Limits(wall_seconds=PATIENCE, memory_bytes=128 * MIB))
    assert outcome.problem == "used more than the 128 MiB of memory allowed and was stopped"


def test_memory_that_processes_share_without_a_file_can_t_be_had(run):
    code = """
    import mmap, os
    for flags in (mmap.MAP_SHARED, 3, mmap.MAP_SHARED | 0x40000):
        try:
            mmap.mmap(-1, 2**20, flags=flags | mmap.MAP_ANONYMOUS)
            print("done")
        except OSError as error:
            print(error.strerror)
    print(len(mmap.mmap(-1, 2**20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)), os.listdir("/dev"))
    """
    outcome = run(code)
    assert outcome.log.splitlines()[:3] == ["Cannot allocate memory"] * 3
    assert outcome.log.splitlines()[3].startswith(str(MIB))
    assert "zero" not in outcome.log  # a mapping of which is memory, too


def test_memory_that_processes_share_by_a_file_is_counted_when_it_is_given_back(run):
    code = """
    import mmap, os, time
    blocks = []
    for folder in ("/tmp", "/dev/shm"):
        file = os.open(f"{folder}/file", os.O_CREAT | os.O_RDWR)
        os.unlink(f"{folder}/file")
        os.truncate(file, 48 * 2**20)
        blocks.append(mmap.mmap(file, 48 * 2**20))
        os.close(file)
        for at in range(0, len(blocks[-1]), 4096):
            blocks[-1][at] = 1
        blocks[-1].madvise(mmap.MADV_DONTNEED)
    time.sleep(60)
    """
    limits = Limits(wall_seconds=20, memory_bytes=80 * MIB, scratch_bytes=64 * MIB)
    assert run(code, limits=limits).ended == "memory"


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
def test_scratch_folders_are_small(run, folder):
    outcome = run(f"open('{folder}/file', 'wb').write(bytes(64 * 2**20))")
    assert "No space left on device" in outcome.log


def test_a_flood_of_empty_files_in_scratch_is_ended(run):
    assert run("for i in range(10**7): open(f'/tmp/{i}', 'w').close()").ended == "output"


def test_open_files_and_core_dumps_are_limited(run):
    outcome = run(
        "import json, resource as r; print(json.dumps([r.getrlimit(r.RLIMIT_NOFILE), r.getrlimit(r.RLIMIT_CORE)]))"
    )
    assert printed(outcome) == [[1024, 1024], [1, 1]]


def test_a_crash_is_told_as_a_signal(run):
    outcome = run("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert (outcome.ended, outcome.status, outcome.problem) == ("killed", -11, "was ended by SIGSEGV")


# Each takes more than 128 MiB, or 1 s, in a way in which one might fail to count it, and then waits to be found.
MEMORY = {
    "in processes whose first thread has ended": """
        import ctypes, os, threading
        def hoard():
            time.sleep(0.3)  # until the first thread is gone
            block = bytearray(b"1") * (40 * 2**20)
            time.sleep(60)
        for _ in range(4):
            if os.fork() == 0:
                threading.Thread(target=hoard).start()
                ctypes.CDLL(None).syscall({exit}, 0)
        """,
    "under a name that is no text": """
        import ctypes, os
        ctypes.CDLL(None).prctl(15, b"\\xff\\n) 1", 0, 0, 0)
        for _ in range(4):
            if os.fork() == 0:
                block = bytearray(b"1") * (40 * 2**20)
                time.sleep(60)
        """,
    "handed from fork to fork": """
        import os
        for _ in range(2):
            if os.fork() == 0:
                block = []
                while True:
                    if len(block) < 40:
                        block.append(bytearray(b"1") * (2 * 2**20))
                    if os.fork():
                        os._exit(0)
        """,
    "as page tables": """
        import mmap
        block = mmap.mmap(-1, 2**38, prot=mmap.PROT_READ, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
        block.madvise(15)  # no huge pages
        for at in range(0, len(block), 2**21):
            block[at]
        """,
    "as a stack": """
        import mmap, os
        for _ in range(4):
            if os.fork() == 0:
                stack = mmap.mmap(-1, 2**26, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x100)  # MAP_GROWSDOWN
                for at in range(0, len(stack), 4096):
                    stack[at] = 1
                time.sleep(60)
        """,
    "in buffers of sockets": """
        import socket
        pairs = [socket.socketpair() for _ in range(400)]
        for pair in pairs:
            for end in pair:
                end.setblocking(False)
                try:
                    while end.send(bytes(2**15)):
                        pass
                except BlockingIOError:
                    pass
        """,
    "in buffers of connections": """
        import socket
        server = socket.create_server(("127.0.0.1", 0))
        ends = []
        for _ in range(40):
            ends += [socket.create_connection(server.getsockname()), server.accept()[0]]
        """,
    "as mappings": """
        import ctypes, os
        libc = ctypes.CDLL(None)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        start = libc.mmap(None, 60_000 * 4096, 0, 0x22, -1, 0)
        for at in range(0, 60_000, 2):
            libc.mprotect(start + at * 4096, 4096, 1)
        for _ in range(40):
            if os.fork() == 0:
                time.sleep(60)
        """,
    "in pipes": """
        import os
        for _ in range(20):
            if os.fork() == 0:
                pipes = [os.pipe() for _ in range(500)]
                time.sleep(60)
        """,
}


@pytest.mark.parametrize("way", list(MEMORY))
def test_memory_is_counted_however_it_is_held(run, way):
    code = textwrap.dedent(MEMORY[way]).replace("{exit}", "60" if platform.machine() == "x86_64" else "93")
    outcome = run(f"import time\n{code}\ntime.sleep(60)", limits=Limits(wall_seconds=60, memory_bytes=128 * MIB))
    assert outcome.problem == "used more than the 128 MiB of memory allowed and was stopped", outcome


COMPUTE = """
import os, signal, time
def compute(seconds):
    began = time.process_time()
    while time.process_time() < began + seconds:
        pass
"""
PROCESSOR_TIME = {
    "in children that nobody waits for": """
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        except OSError as error:
            print(error.strerror)
        for _ in range(200):
            if os.fork() == 0:
                compute(0.015)
                os._exit(0)
        """,
    "in a chain of forks": """
        if os.fork() == 0:
            for _ in range(400):
                compute(0.01)
                if os.fork():
                    os._exit(0)
        """,
    "in a group of its own, waited for": """
        os.setsid()
        for _ in range(60):
            if os.fork() == 0:
                compute(0.05)
                os._exit(0)
            os.wait()
        """,
    "in its last moment": """
        for _ in range(8):
            if os.fork() == 0:
                compute(0.3)
                os._exit(0)
        for _ in range(8):
            os.wait()
        os._exit(0)
        """,
}


@pytest.mark.attack
@pytest.mark.parametrize("way", list(PROCESSOR_TIME))
def test_processor_time_is_counted_whoever_uses_it(run, way):
    code = COMPUTE + textwrap.dedent(PROCESSOR_TIME[way]) + "\ntime.sleep(60)"
    outcome = run(code, limits=Limits(wall_seconds=60, cpu_seconds=1))
    assert outcome.problem == "used more than the 1 s of processor time allowed and was stopped", outcome
    assert outcome.cpu_seconds > 1


def test_processor_time_is_exact_in_the_end(run):
    """Whatever the looks have missed: a run that is over by itself has used more than allowed all the same."""
    code = COMPUTE + "compute(0.4)\nos._exit(0)"
    assert run(code, limits=Limits(wall_seconds=60, cpu_seconds=0.38)).ended == "cpu"


@pytest.mark.usefixtures("either_way")
def test_when_memory_runs_out_the_kernel_ends_it_first(run):
    code = """
    for process in (1, "self"):
        try:
            open(f"/proc/{process}/oom_score_adj", "w").write("0")
        except OSError as error:
            print(error.strerror)
        print(open(f"/proc/{process}/oom_score_adj").read().strip())
    """
    assert run(code).log.splitlines() == ["Read-only file system", "1000"] * 2


@pytest.mark.usefixtures("either_way")
def test_the_watch_can_t_be_held_back(run):
    code = """
    import os, resource
    for attempt in (
        lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0)),
        lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),
        lambda: os.setpriority(os.PRIO_USER, 0, 19),
        lambda: os.sched_setaffinity(1, {0}),
        lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)),
        lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
        lambda: os.nice(-1),
    ):
        try:
            attempt()
            print("done")
        except OSError as error:
            print("refused")
    """
    assert run(code).log.split() == ["refused"] * 7


# ----------------------------------------------------------------------------------------------- processes and signals


@pytest.fixture(params=["as configured", "as one user"])
def either_way(request, monkeypatch):
    """Run the test twice: root's sandbox keeps its watch and the command apart as users; anyone else's can't."""
    if request.param == "as one user":
        monkeypatch.setattr(bubblewrap.os, "geteuid", lambda: 1000)


@pytest.mark.usefixtures("either_way")
def test_killing_everyone_in_reach_kills_no_watch(run):
    code = """
    import os, signal
    for victim in (os.getppid(), 1, -1):
        for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
            try:
                os.kill(victim, number)
            except OSError:
                pass
    print("still here", os.getppid())
    """
    outcome = run(code)
    assert (outcome.ended, outcome.status, outcome.log) == ("exit", 0, "still here 1\n")
    assert outcome.cpu_seconds > 0  # told by the watch


@pytest.mark.usefixtures("either_way")
def test_the_watch_can_t_be_looked_into(run):
    code = """
    for name in ("mem", "environ", "fd/0", "root/tmp", "maps"):
        try:
            open(f"/proc/1/{name}", "rb").read(1)
            print("read")
        except PermissionError:
            print("refused")
    """
    assert run(code).log.split() == ["refused"] * 5


@pytest.mark.usefixtures("either_way")
def test_a_daemon_does_not_outlive_its_run(run):
    code = """
    import os, signal, sys, time
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.close(1), os.close(2)
            time.sleep(600)
        os._exit(0)
    os.wait()
    print("the daemon is up")
    """
    outcome = run(code)  # which looks for survivors
    assert (outcome.problem, outcome.log) == (None, "the daemon is up\n")


def test_closing_its_streams_does_not_end_the_watch(run):
    outcome = run("import os, time\nos.closerange(0, 64)\ntime.sleep(600)", limits=Limits(wall_seconds=1))
    assert outcome.ended == "timeout"


@pytest.mark.parametrize("ending", ["os._exit(0)", "sys.exit(0)"])
def test_an_early_exit_is_just_an_exit(run, tmp_path, ending):
    outcome = run(f"import os, sys; {ending}; open('/output/result', 'w')", output=tmp_path / "output")
    assert (outcome.ended, outcome.status) == ("exit", 0)
    assert not (tmp_path / "output" / "result").exists()


SLEEP = "import time; time.sleep(600)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_end_of_the_grader_is_the_end_of_its_sandboxes(sandbox, number):
    marker = uuid.uuid4().hex
    grader = f"""
from grading.sandbox.bubblewrap import Bubblewrap
sandbox = Bubblewrap()
sandbox.run([sandbox.python, "-c", {SLEEP!r}, {marker!r}])
"""
    process = subprocess.Popen([sys.executable, "-c", grader], cwd=ROOT, stderr=subprocess.DEVNULL)
    wait_for(lambda: any(p.cmdline()[1:] == ["-c", SLEEP, marker] for p in survivors(marker)))
    process.send_signal(number)
    process.wait(PATIENCE)
    wait_for(lambda: not survivors(marker))


@pytest.mark.parametrize("moment", ["_Pipe.receive", "_BubblewrapProcess._adopt"])
def test_the_end_of_the_grader_while_a_sandbox_begins_is_its_end(sandbox, moment):
    """`moment`: what the grader is about to call when it is killed."""
    marker = uuid.uuid4().hex
    grader = f"""
import os, signal
from grading.sandbox import bubblewrap
bubblewrap.{moment} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
sandbox = bubblewrap.Bubblewrap()
sandbox.run([sandbox.python, "-c", {SLEEP!r}, {marker!r}])
"""
    done = subprocess.run([sys.executable, "-c", grader], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    wait_for(lambda: not survivors(marker))


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


# ----------------------------------------------------------------------------------------------------------- printing


def test_a_flood_of_prints_is_ended_and_its_beginning_and_end_are_kept(run):
    outcome = run("print('begin')\nwhile True: print('x' * 100_000)")
    assert outcome.ended == "log"
    assert outcome.log.startswith("begin\nxxx")
    assert len(outcome.log) < 1.1 * QUICK.log_bytes


def test_of_a_long_log_head_and_tail_are_kept(run):
    outcome = run("for i in range(100_000): print(i)")
    assert outcome.problem is None
    lines = outcome.log.splitlines()
    assert lines[:3] == ["0", "1", "2"]
    assert lines[-2:] == ["99998", "99999"]
    assert any("bytes left out" in line for line in lines)
    assert len(outcome.log) < 1.1 * QUICK.log_bytes


def test_escape_sequences_do_not_reach_the_log(run):
    escapes = b"\x1b[2J\x1b]0;title\x07 \xff \xe2\x80\xae"
    outcome = run(f"import sys; sys.stdout.buffer.write({escapes}); print('end', file=sys.stderr)")
    assert "\x1b" not in outcome.log
    assert "\x07" not in outcome.log
    assert "\u202e" not in outcome.log
    assert outcome.log.endswith("end\n")


# ------------------------------------------------------------------------------------------------------------- output


def test_plain_files_come_out(run, tmp_path):
    code = """
    import os
    os.makedirs("/output/a/b")
    open("/output/a/b/model.pb", "wb").write(b"12")
    print(os.listdir("/output"))
    """
    output = tmp_path / "output"
    output.mkdir()
    (output / "earlier").write_text("the grader's")
    outcome = run(code, output=output)
    assert (outcome.problem, outcome.removed, outcome.log) == (None, (), "['a']\n")
    assert (output / "a" / "b" / "model.pb").read_bytes() == b"12"
    assert (output / "earlier").read_text() == "the grader's"


def test_what_is_no_plain_file_stays_inside_and_is_told(run, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("the grader's")
    code = r"""
    import os, socket, sys
    os.chdir("/output")
    open("good", "w").write("good")
    os.chmod("good", 0o4777)
    os.symlink(sys.argv[1], "link")
    os.symlink("/", "folder")
    os.symlink("good", "inner")
    open("twin1", "w").write("twin")
    os.link("twin1", "twin2")
    os.mkfifo("fifo")
    socket.socket(socket.AF_UNIX).bind("socket")
    for name in (b"\x1b[31mred", b"\xff\xfe", b"-rf", b".hidden", b"a b", "\u202egnp.exe".encode()):
        open(name, "w").write("odd")
    open("closed", "w").write("closed")
    os.chmod("closed", 0)
    """
    outcome = run(code, secret, output=tmp_path / "output")
    assert outcome.problem is None, outcome
    left = {path.name for path in (tmp_path / "output").iterdir()}
    assert left - {"closed"} == {"good"}  # root can read what its owner closed
    assert (tmp_path / "output" / "good").stat().st_mode & 0o7111 == 0
    removed = "\n".join(outcome.removed)
    assert removed.count("\n") + 1 == 13 + ("closed" not in left)
    for expected in (
        "link is a symbolic link",
        "twin1 is a hard link",
        "twin2 is a hard link",
        "fifo is not a regular file",
    ):
        assert expected in removed
    assert "\x1b" not in removed
    assert secret.read_text() == "the grader's"


def test_a_path_that_is_too_long_for_the_grader_stays_inside_and_is_told(run, tmp_path):
    code = """
    import os
    os.chdir("/output")
    for _ in range(39):
        os.mkdir("x" * 100)
        os.chdir("x" * 100)
    open("file", "w").write("deep")
    """
    outcome = run(code, output=tmp_path / "output")
    assert outcome.problem is None, outcome
    assert "has a path of more than 1,000 characters" in "".join(outcome.removed)
    assert len("".join(outcome.removed)) < 400


def test_a_huge_file_can_t_be_written(run, tmp_path):
    limits = Limits(file_bytes=2 * MIB)
    outcome = run("open('/output/huge', 'wb').write(bytes(64 * 2**20))", output=tmp_path / "output", limits=limits)
    assert "File too large" in outcome.log
    assert (tmp_path / "output" / "huge").stat().st_size <= 2 * MIB


@pytest.mark.parametrize(
    "code",
    [
        "for i in range(99): open(f'/output/{i}', 'wb').write(bytes(2**20))",
        "for i in range(10**7): open(f'/output/{i}', 'w').close()",
        "for i in range(9): os.truncate(os.open(f'/output/{i}', os.O_CREAT | os.O_RDWR), 2**20)",
        "for i in range(200): os.mkdir('d'); os.chdir('d')",
    ],
    ids=["bytes", "files", "holes", "depth"],
)
def test_too_much_output_is_ended_and_bounded(run, tmp_path, code):
    output = tmp_path / "output"
    outcome = run(f"import os, time\nos.chdir('/output')\n{code}\ntime.sleep(0.2)", output=output)
    assert outcome.ended == "output" or "No space left" in outcome.log, outcome
    assert outcome.problem
    files = [path for path in output.rglob("*") if path.is_file()] if output.exists() else []
    assert len(files) <= QUICK.output_files
    assert sum(path.stat().st_size for path in files) <= QUICK.output_bytes


# ------------------------------------------------------------------------------------------------ a process that stays


ECHO = "import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)"


def test_a_process_that_stays_answers_line_for_line(sandbox):
    with sandbox.start([sandbox.python, "-c", ECHO]) as running:
        assert running.ask(b"abc", PATIENCE) == b"cba"
        long = os.urandom(MIB).hex().encode()
        assert running.ask(long, PATIENCE) == long[::-1]


def test_a_process_that_stays_sees_files_as_they_come(sandbox, tmp_path):
    tmp_path.chmod(0o755)
    code = "import sys\nfor line in sys.stdin: print(open('/inbox/' + line.strip()).read(), flush=True)"
    with sandbox.start([sandbox.python, "-c", code], inbox=tmp_path) as running:
        (tmp_path / "new").write_text("came later")
        assert running.ask(b"new", PATIENCE) == b"came later"


@pytest.mark.attack
@pytest.mark.parametrize(
    ("code", "patience", "reason"),
    [
        ("import time; time.sleep(600)", 1, "too long"),
        ("import sys; sys.exit('what went wrong')", PATIENCE, "what went wrong"),
        ("import sys\nwhile True: sys.stdout.write('x' * 2**20)", PATIENCE, "without end"),
    ],
)
def test_a_process_that_gives_no_answer_is_ended(sandbox, code, patience, reason):
    marker = uuid.uuid4().hex
    with sandbox.start([sandbox.python, "-c", code, marker]) as running:
        with pytest.raises(SandboxError, match=reason):
            running.ask(b"answer me", patience)
        assert not survivors(marker)


def test_a_process_that_stays_has_limits_too(sandbox):
    code = "import sys\nprint(sys.stdin.readline(), flush=True)\nblock = bytearray(2**40)"
    with sandbox.start([sandbox.python, "-c", code]) as running:
        running.ask(b"", PATIENCE)
        wait_for(lambda: "MemoryError" in running.log)


# ---------------------------------------------------------------------------------------------------- what must work


def test_the_kit_s_packages_work_inside(run):
    code = "import json, numpy, matplotlib.pyplot; print(json.dumps(float(numpy.ones([9, 9]).sum())))"
    assert printed(run(code, limits=Limits())) == 81


@pytest.mark.attack
def test_tensorflow_computes_inside(run):
    code = "import tensorflow as tf; square = tf.ones([1000, 1000]); print(float(tf.reduce_sum(square @ square)))"
    outcome = run(code, limits=Limits())
    assert outcome.problem is None, outcome
    assert outcome.log.splitlines()[-1] == "1000000000.0"


def test_a_command_that_does_not_exist_is_told(sandbox):
    outcome = sandbox.run(["/no/such/program"], limits=QUICK)
    assert (outcome.status, outcome.log) == (
        127,
        "/no/such/program cannot be run: [Errno 2] No such file or directory\n",
    )


def test_a_sandbox_that_fails_is_no_fault_of_the_command(sandbox, tmp_path):
    with pytest.raises(SandboxError, match="missing"):
        sandbox.run([sandbox.python, "-c", ""], read_only={"/data": tmp_path / "missing"})
    with pytest.raises(SandboxError, match="bwrap: "):
        sandbox.run([sandbox.python, "-c", ""], read_only={"/proc/nowhere": ROOT / "README.md"})


@only_root
def test_a_user_that_can_t_be_had_is_told_and_leaves_nothing(sandbox, monkeypatch):
    marker = uuid.uuid4().hex
    monkeypatch.setattr(sandbox, "_users", iter([2**40]))
    with pytest.raises(SandboxError, match="Invalid argument"):
        sandbox.run([sandbox.python, "-c", "", marker])
    assert not survivors(marker)


def test_an_interpreter_below_tmp_is_there_and_a_closed_one_is_told(sandbox, tmp_path):
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    trial = "from grading.sandbox.choice import trials; print(next(trials()).problem or 'works')"

    def tried():
        packages = os.pathsep.join([str(ROOT), *sys.path[1:]])
        command = [environment / "bin/python", "-c", trial]
        return subprocess.run(command, env=os.environ | {"PYTHONPATH": packages}, capture_output=True, text=True)

    environment.chmod(0o755)
    assert tried().stdout.strip() == "works", tried().stderr
    environment.chmod(0o700)
    assert not AS_ROOT or f"chmod o+rX {environment}" in tried().stdout
