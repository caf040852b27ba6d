"""A filter of system calls: what no script of the lab needs, and what reaches past the sandbox's other walls.

Memory that no limit counts (memory shared without a file, System V segments, memfd, kernel keys, pages given to a
pipe), ways to look into other processes or to hold back the one that watches, ways to hide how long a child computed,
interfaces of the kernel where most of its holes were found (io_uring, bpf, user namespaces), and sockets of families
that a network namespace does not confine (vsock reaches the host of a virtual machine).

The numbers are those of the kernel's tables, include/uapi/asm-generic/unistd.h and syscall_64.tbl; the program is
classic BPF, as seccomp(2) describes it.
"""

import errno
import platform
import struct
from dataclasses import dataclass, replace

# name: (x86-64, aarch64)
REFUSED = {
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "syslog": (103, 116),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "setns": (308, 268),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "kcmp": (312, 272),
    "seccomp": (317, 277),  # the kernel's memory for more filters belongs to nobody
    "vmsplice": (278, 75),  # a page in a pipe keeps the 2 MiB that it is part of, and no process has them
}
# Callers fall back on something else where a system call does not exist, as on an old kernel. The flags of clone3 are
# behind a pointer, where a filter can't look.
ABSENT = {
    "clone3": (435, 435),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "io_uring_setup": (425, 425),
    "io_setup": (206, 0),
    "fanotify_init": (300, 262),
    "inotify_init": (253, 0),  # aarch64 has none: its 0 is io_setup
    "inotify_init1": (294, 26),
    "landlock_create_ruleset": (444, 444),  # holds rules without end
}
CLONE, SOCKET = (56, 220), (41, 198)
# Refused, too, where no namespaces are around: what is on the same machine is reached by any socket, a pair's, too, of
# which either end can send elsewhere.
SOCKETS = {"socket": SOCKET, "socketpair": (53, 199), "bind": (49, 200), "connect": (42, 203)}
CLONE_NEWUSER, CLONE_THREAD, CLONE_FILES = 0x10000000, 0x10000, 0x400
PR_SET_SECCOMP, PR_FUTEX_HASH = 22, 78
FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: each confined by the network namespace
WATCH = 1  # the number of the process that watches
SIGCHLD, SOL_SOCKET, SO_SNDBUF, SO_RCVBUF, PRIO_PROCESS, IOPRIO_WHO_PROCESS = 17, 1, 7, 8, 0, 1
MAP_SHARED, MAP_ANONYMOUS = 0x01, 0x20  # the former is a bit of MAP_SHARED_VALIDATE, too


@dataclass(frozen=True)
class Rule:
    """A system call that is refused with `error` where all of `tests` are true.

    A test is an argument's place, how it is compared, and with what. A filter compares 32 bits at once: "is", "is not",
    "any bit of" and "no bit of" the lower half, and "has above" is true of an upper half that is another.
    """

    numbers: tuple[int, int]
    tests: tuple[tuple[int, str, int], ...]
    error: int


# What depends on an argument; of one behind a pointer a filter can't tell.
RULES = {
    "clone": Rule(CLONE, ((0, "any bit of", CLONE_NEWUSER),), errno.EPERM),
    # Open files are counted for a process, so all its threads have to have the same.
    "clone of a thread": Rule(CLONE, ((0, "any bit of", CLONE_THREAD), (0, "no bit of", CLONE_FILES)), errno.EPERM),
    "prctl PR_SET_SECCOMP": Rule((157, 167), ((0, "is", PR_SET_SECCOMP),), errno.EPERM),
    "prctl PR_FUTEX_HASH": Rule((157, 167), ((0, "is", PR_FUTEX_HASH),), errno.EINVAL),  # as on an old kernel
    # Counted for who has touched it, and that can be taken back (MADV_DONTNEED), while the kernel keeps the memory.
    "mmap": Rule((9, 222), ((3, "any bit of", MAP_SHARED), (3, "any bit of", MAP_ANONYMOUS)), errno.ENOMEM),
    # Who ignores SIGCHLD, or asks for no zombies, makes the kernel forget what the children have computed.
    "rt_sigaction": Rule((13, 134), ((0, "is", SIGCHLD), (1, "is not", 0)), errno.EPERM),
    "rt_sigaction, at a multiple of 2^32": Rule((13, 134), ((0, "is", SIGCHLD), (1, "has above", 0)), errno.EPERM),
    # The limits, priority and processors of process 1, where it runs as the same user.
    "prlimit64": Rule((302, 261), ((0, "is", WATCH),), errno.EPERM),
    "sched_setparam": Rule((142, 118), ((0, "is", WATCH),), errno.EPERM),
    "sched_setscheduler": Rule((144, 119), ((0, "is", WATCH),), errno.EPERM),
    "sched_setattr": Rule((314, 274), ((0, "is", WATCH),), errno.EPERM),
    "sched_setaffinity": Rule((203, 122), ((0, "is", WATCH),), errno.EPERM),
    "setpriority": Rule((141, 140), ((1, "is", WATCH),), errno.EPERM),
    "setpriority of a group or user": Rule((141, 140), ((0, "is not", PRIO_PROCESS),), errno.EPERM),
    "ioprio_set": Rule((251, 30), ((1, "is", WATCH),), errno.EPERM),
    "ioprio_set of a group or user": Rule((251, 30), ((0, "is not", IOPRIO_WHO_PROCESS),), errno.EPERM),
    # A socket is counted with the buffers that it comes with.
    "setsockopt SO_SNDBUF": Rule((54, 208), ((1, "is", SOL_SOCKET), (2, "is", SO_SNDBUF)), errno.EPERM),
    "setsockopt SO_RCVBUF": Rule((54, 208), ((1, "is", SOL_SOCKET), (2, "is", SO_RCVBUF)), errno.EPERM),
}
# And there the same for every process but the caller's own: who sends signals to all for the watch has another number.
OF_OTHERS = {
    name: replace(rule, tests=((place, "is not", 0),))
    for name, rule in RULES.items()
    for place, *compared in rule.tests
    if compared == ["is", WATCH]
}
AUDIT_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000  # of the numbers of a second set of system calls on x86-64

# Offsets in struct seccomp_data, little-endian.
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, ARGUMENT_BYTES, HALF = 0, 4, 16, 8, 4
# Instructions.
LOAD, JUMP_EQUAL, JUMP_GREATER_EQUAL, JUMP_SET, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000


def program(machine: str | None = None, namespaces: bool = True) -> bytes | None:
    """Return the filter for this machine (or the one named), for the kernel; None for an unknown one.

    Where no `namespaces` are around, processes can have no sockets, and slow down nobody but themselves.
    """
    machine = machine or platform.machine()
    if machine not in AUDIT_ARCHITECTURE:
        return None
    column = list(AUDIT_ARCHITECTURE).index(machine)
    code = [
        _op(LOAD, ARCHITECTURE),
        _op(JUMP_EQUAL, AUDIT_ARCHITECTURE[machine], 1, 0),
        _op(RETURN, KILL),
        _op(LOAD, NUMBER),
        _op(JUMP_GREATER_EQUAL, X32_BIT, 0, 1),
        _op(RETURN, FAIL | errno.ENOSYS),
    ]
    for names, error in ((REFUSED | ({} if namespaces else SOCKETS), errno.EPERM), (ABSENT, errno.ENOSYS)):
        for numbers in names.values():
            code += [_op(JUMP_EQUAL, numbers[column], 0, 1), _op(RETURN, FAIL | error)]
    for rule in (RULES | ({} if namespaces else OF_OTHERS)).values():
        code += _refusal(rule, column)
    code += [
        _op(JUMP_EQUAL, SOCKET[column], 0, len(FAMILIES) + 2),
        _op(LOAD, FIRST_ARGUMENT),
        *[_op(JUMP_EQUAL, family, len(FAMILIES) - place, 0) for place, family in enumerate(FAMILIES)],
        _op(RETURN, FAIL | errno.EAFNOSUPPORT),
        _op(RETURN, ALLOW),
    ]
    return b"".join(code)


def _refusal(rule: Rule, column: int) -> list[bytes]:
    """Return the instructions of a rule; the number of the system call is loaded before and after them."""
    code, past = [], 2 * len(rule.tests)  # instructions from behind a jump to the load of the number
    for argument, kind, value in rule.tests:
        past -= 2
        at = FIRST_ARGUMENT + ARGUMENT_BYTES * argument + (HALF if kind == "has above" else 0)
        jump = JUMP_SET if kind in ("any bit of", "no bit of") else JUMP_EQUAL
        to = (past + 1, 0) if kind in ("is not", "no bit of", "has above") else (0, past + 1)
        code += [_op(LOAD, at), _op(jump, value, *to)]
    return [
        _op(JUMP_EQUAL, rule.numbers[column], 0, len(code) + 2),
        *code,
        _op(RETURN, FAIL | rule.error),
        _op(LOAD, NUMBER),
    ]


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)
