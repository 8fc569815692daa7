"""Close a process from within to system calls by seccomp (seccomp(2), Linux 3.17 and later), beside Landlock, which has no word for them.

A closed process makes no socket but local ones and TCP, and no connection that is made by sending (TCP fast open), since Landlock's rules
about ports see neither. It runs no program, makes no process, looks into none, mounts nothing, changes no owner or mode of a file, and
reaches none of the parts of the kernel in which faults were found most: io_uring, bpf, userfaultfd, keys. It holds for threads as well.

A process that only computes can be closed further, by :func:`close_to_computing`: to a short list of calls that stay.

Refused calls end with EPERM, so that a program that tries them goes on; a call in the manner of another machine (32 bit) ends the process.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_INSTRUCTION = struct.Struct("=HBBI")
"""``struct sock_filter``: code, jumps if true and if false, constant."""
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
"""Places in ``struct seccomp_data``."""
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
_X32 = 0x40000000
"""Bit of x86-64's numbers for calls with short pointers."""
_FAST_OPEN = 0x20000000
"""``MSG_FASTOPEN``: connect by sending."""
_THREAD = 0x10000
"""``CLONE_THREAD``: without it clone(2) makes a process."""
_TYPE = 0xF
"""Bits of a socket's type; those above are flags."""
_UDP = 17


@dataclass(frozen=True)
class _Machine:
    architecture: int
    """``AUDIT_ARCH_…``."""
    socket: int
    sendto: int
    sendmsg: int
    sendmmsg: int
    clone: int
    prlimit: int
    refused: Sequence[int]
    computing: Sequence[int]


_SAME: Final = (*range(425, 429), *range(428, 434), 438, 440, 442, 452)
"""io_uring, mounts by descriptors, pidfd_getfd, process_madvise, mount_setattr, fchmodat2: the same number on all machines."""
_CLONE3: Final = 435
_MACHINES: Final = {
    "x86_64": _Machine(
        0xC000003E, 41, 44, 46, 307, 56, 302,
        (
            59, 322, 57, 58,  # execve, execveat, fork, vfork
            101, 310, 311, 312,  # ptrace, process_vm_readv, process_vm_writev, kcmp
            321, 323, 298, 250, 248, 249,  # bpf, userfaultfd, perf_event_open, keyctl, add_key, request_key
            272, 308, 165, 166, 155, 161, 304, 135,  # unshare, setns, mount, umount2, pivot_root, chroot, open_by_handle_at, personality
            175, 313, 176, 246, 320, 163, 167, 168, 169, 179,  # modules, kexec, acct, swap, reboot, quotactl
            90, 91, 268, 92, 93, 94, 260,  # chmod, fchmod, fchmodat, chown, fchown, lchown, fchownat
            188, 189, 190, 197, 198, 199,  # setxattr, removexattr, and their kin
        ),
        (
            0, 1, 19, 20, 3, 5, 8, 72,  # read, write, readv, writev, close, fstat, lseek, fcntl
            7, 271, 23, 270,  # poll, ppoll, select, pselect6
            9, 10, 11, 12, 25, 28,  # mmap, mprotect, munmap, brk, mremap, madvise
            13, 14, 15, 131, 219,  # rt_sigaction, rt_sigprocmask, rt_sigreturn, sigaltstack, restart_syscall
            202, 273, 334, 324, 24, 203, 204, 309,  # futex, set_robust_list, rseq, membarrier, sched_yield, sched_*affinity, getcpu
            35, 230, 228, 229, 100, 98, 97, 160,  # nanosleep, clock_*, times, getrusage, getrlimit, setrlimit
            39, 186, 63, 99, 157, 318, 60, 231,  # getpid, gettid, uname, sysinfo, prctl, getrandom, exit, exit_group
        ),
    ),
    "aarch64": _Machine(
        0xC00000B7, 198, 206, 211, 269, 220, 261,
        (
            221, 281,  # execve, execveat
            117, 270, 271, 272,  # ptrace, process_vm_readv, process_vm_writev, kcmp
            280, 282, 241, 219, 217, 218,  # bpf, userfaultfd, perf_event_open, keyctl, add_key, request_key
            97, 268, 40, 39, 41, 51, 265, 92,  # unshare, setns, mount, umount2, pivot_root, chroot, open_by_handle_at, personality
            105, 273, 106, 104, 294, 89, 224, 225, 142, 60,  # modules, kexec, acct, swap, reboot, quotactl
            52, 53, 55, 54,  # fchmod, fchmodat, fchown, fchownat
            5, 6, 7, 14, 15, 16,  # setxattr, removexattr, and their kin
        ),
        (
            63, 64, 65, 66, 57, 80, 62, 25,  # read, write, readv, writev, close, fstat, lseek, fcntl
            73, 72,  # ppoll, pselect6
            222, 226, 215, 214, 216, 233,  # mmap, mprotect, munmap, brk, mremap, madvise
            134, 135, 139, 132, 128,  # rt_sigaction, rt_sigprocmask, rt_sigreturn, sigaltstack, restart_syscall
            98, 99, 293, 283, 124, 122, 123, 168,  # futex, set_robust_list, rseq, membarrier, sched_yield, sched_*affinity, getcpu
            101, 115, 113, 114, 153, 165, 163, 164,  # nanosleep, clock_*, times, getrusage, getrlimit, setrlimit
            172, 178, 160, 179, 167, 278, 93, 94,  # getpid, gettid, uname, sysinfo, prctl, getrandom, exit, exit_group
        ),
    ),
}  # fmt: skip


def known() -> bool:
    """Return whether this machine's calls can be filtered: its processor is one of ours, and the kernel has filters."""
    # Why so: with a filter that lies nowhere, a kernel that knows filters fails with EFAULT.
    libc = ctypes.CDLL(None, use_errno=True)
    return platform.machine() in _MACHINES and libc.prctl(_SET_SECCOMP, _FILTER, None) == -1 and ctypes.get_errno() == errno.EFAULT


def close(*, names: bool = False) -> None:
    """Close this process: the calling thread, and threads that it starts later. Does nothing where :func:`known` says no.

    Args:
        names: whether it looks up names of hosts, for which it may make UDP sockets as well. It can then send datagrams anywhere.

    Raises:
        OSError: the kernel refuses.
    """
    if known():
        _install(_program(_MACHINES[platform.machine()], names=names))


def close_to_computing() -> None:
    """Close this process to memory, threads, time and the descriptors that are open: it opens nothing, not even a socket.

    Raises:
        OSError: the kernel refuses, or this machine's calls cannot be filtered.
    """
    if not known():
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    _install(_only(_MACHINES[platform.machine()]))


def _install(instructions: list[tuple[int, int, int, int]]) -> None:
    program = b"".join(_INSTRUCTION.pack(*each) for each in instructions)
    held = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("@HP", len(program) // _INSTRUCTION.size, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    # commit point: from here on the calls are refused.
    if libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(_SET_SECCOMP, _FILTER, described):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _program(machine: _Machine, *, names: bool) -> list[tuple[int, int, int, int]]:
    """Return the filter. Each part ends with a return, and is jumped over where the call is another one."""
    program = _of_machine(machine)
    program += _part(machine.socket, list(_sockets(names=names)))
    for number, flags in ((machine.sendto, 3), (machine.sendmsg, 2), (machine.sendmmsg, 3)):
        program += _part(number, [_argument(flags), (_ANY_BIT, 0, 1, _FAST_OPEN), _REFUSED, _returned(_ALLOW)])
    program += _threads(machine)
    for number in sorted({*machine.refused, *_SAME}):
        program += _part(number, [_REFUSED])
    return [*program, _returned(_ALLOW)]


def _only(machine: _Machine) -> list[tuple[int, int, int, int]]:
    """Return the filter of a process that only computes. prlimit(2) is for itself alone: it sets limits of other processes too."""
    program = _of_machine(machine) + _threads(machine)
    program += _part(machine.prlimit, [_argument(0), (_EQUAL, 1, 0, 0), _REFUSED, _returned(_ALLOW)])
    for number in sorted(machine.computing):
        program += _part(number, [_returned(_ALLOW)])
    return [*program, _REFUSED]


def _of_machine(machine: _Machine) -> list[tuple[int, int, int, int]]:
    """Return the beginning of a filter, which ends the process at a call in the manner of another machine."""
    program = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, machine.architecture), _returned(_KILL), (_LOAD, 0, 0, _NUMBER)]
    return [*program, (_AT_LEAST, 0, 1, _X32), _returned(_KILL)]


def _threads(machine: _Machine) -> list[tuple[int, int, int, int]]:
    """Return the part that lets threads be made, and no process."""
    program = _part(machine.clone, [_argument(0), (_ANY_BIT, 1, 0, _THREAD), _REFUSED, _returned(_ALLOW)])
    # Why another error: the C library then takes clone(2), whose flags a filter can see.
    return program + _part(_CLONE3, [_returned(_ERROR | errno.ENOSYS)])


def _sockets(*, names: bool) -> Iterator[tuple[int, int, int, int]]:
    """Yield the part for socket(2): local ones, and those of the internet whose type and protocol are TCP's, or UDP's for names."""
    kinds = [(socket.SOCK_STREAM, socket.IPPROTO_TCP)] + ([(socket.SOCK_DGRAM, _UDP)] if names else [])
    yield _argument(0)
    yield (_EQUAL, 0, 1, socket.AF_UNIX)
    yield _returned(_ALLOW)
    yield (_EQUAL, 2, 0, socket.AF_INET)
    yield (_EQUAL, 1, 0, socket.AF_INET6)
    yield _REFUSED
    for kind, protocol in kinds:
        yield _argument(1)
        yield (_AND, 0, 0, _TYPE)
        yield (_EQUAL, 0, 4, kind)
        yield _argument(2)
        yield (_EQUAL, 1, 0, 0)
        yield (_EQUAL, 0, 1, protocol)
        yield _returned(_ALLOW)
    yield _REFUSED


def _part(number: int, acts: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    return [(_EQUAL, 0, len(acts), number), *acts]


def _argument(place: int) -> tuple[int, int, int, int]:
    return _LOAD, 0, 0, _ARGUMENTS + 8 * place


def _returned(what: int) -> tuple[int, int, int, int]:
    return _RETURN, 0, 0, what


_REFUSED = _returned(_ERROR | errno.EPERM)
