"""A filter of system calls: what no script of the lab needs, and what reaches past the sandbox's other walls.

Memory that no limit counts (System V segments, memfd, kernel keys), ways to look into other processes, interfaces of
the kernel where most of its holes were found (io_uring, bpf, user namespaces), and sockets of families that a network
namespace does not confine (vsock reaches the host of a virtual machine).

The numbers are those of the kernel's tables, include/uapi/asm-generic/unistd.h and syscall_64.tbl; the program is
classic BPF, as seccomp(2) describes it.
"""

import errno
import platform
import struct

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
}
# Callers fall back on something else where a system call does not exist, as on an old kernel. The flags of clone3 are
# behind a pointer, where a filter can't look.
ABSENT = {
    "clone3": (435, 435),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "io_uring_setup": (425, 425),
}
CLONE, SOCKET = (56, 220), (41, 198)
CLONE_NEWUSER = 0x10000000
FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: each confined by the network namespace
AUDIT_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000  # of the numbers of a second set of system calls on x86-64

# Offsets in struct seccomp_data, little-endian.
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
# Instructions.
LOAD, JUMP_EQUAL, JUMP_GREATER_EQUAL, JUMP_SET, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000


def program(machine: str | None = None) -> bytes | None:
    """The filter for this machine (or the one named), to be given to the kernel; None for one that is not known."""
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
    for names, error in ((REFUSED, errno.EPERM), (ABSENT, errno.ENOSYS)):
        for numbers in names.values():
            code += [_op(JUMP_EQUAL, numbers[column], 0, 1), _op(RETURN, FAIL | error)]
    code += [
        _op(JUMP_EQUAL, CLONE[column], 0, 3),
        _op(LOAD, FIRST_ARGUMENT),
        _op(JUMP_SET, CLONE_NEWUSER, 0, 1),
        _op(RETURN, FAIL | errno.EPERM),
        _op(LOAD, NUMBER),
        _op(JUMP_EQUAL, SOCKET[column], 0, len(FAMILIES) + 2),
        _op(LOAD, FIRST_ARGUMENT),
        *[_op(JUMP_EQUAL, family, len(FAMILIES) - place, 0) for place, family in enumerate(FAMILIES)],
        _op(RETURN, FAIL | errno.EAFNOSUPPORT),
        _op(RETURN, ALLOW),
    ]
    return b"".join(code)


def _op(code, value, if_true=0, if_false=0):
    return struct.pack("<HBBI", code, if_true, if_false, value)
