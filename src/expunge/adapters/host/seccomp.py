"""Close a process from within to system calls by seccomp (seccomp(2), Linux 3.17 and later), beside Landlock, which has no word for them.

A closed process makes no socket but local ones and TCP, and no connection that is made by sending (TCP fast open), since Landlock's rules
about ports see neither. It runs no program, makes no process, looks into none, mounts nothing, changes no owner or mode of a file, and
reaches none of the parts of the kernel in which faults were found most: io_uring, bpf, userfaultfd, keys. It holds for threads as well.

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
    refused: Sequence[int]


_SAME: Final = (*range(425, 429), *range(428, 434), 438, 440, 442, 452)
"""io_uring, mounts by descriptors, pidfd_getfd, process_madvise, mount_setattr, fchmodat2: the same number on all machines."""
_CLONE3: Final = 435
_MACHINES: Final = {
    "x86_64": _Machine(
        0xC000003E, 41, 44, 46, 307, 56,
        (
            59, 322, 57, 58,  # execve, execveat, fork, vfork
            101, 310, 311, 312,  # ptrace, process_vm_readv, process_vm_writev, kcmp
            321, 323, 298, 250, 248, 249,  # bpf, userfaultfd, perf_event_open, keyctl, add_key, request_key
            272, 308, 165, 166, 155, 161, 304, 135,  # unshare, setns, mount, umount2, pivot_root, chroot, open_by_handle_at, personality
            175, 313, 176, 246, 320, 163, 167, 168, 169, 179,  # modules, kexec, acct, swap, reboot, quotactl
            90, 91, 268, 92, 93, 94, 260,  # chmod, fchmod, fchmodat, chown, fchown, lchown, fchownat
            188, 189, 190, 197, 198, 199,  # setxattr, removexattr, and their kin
        ),
    ),
    "aarch64": _Machine(
        0xC00000B7, 198, 206, 211, 269, 220,
        (
            221, 281,  # execve, execveat
            117, 270, 271, 272,  # ptrace, process_vm_readv, process_vm_writev, kcmp
            280, 282, 241, 219, 217, 218,  # bpf, userfaultfd, perf_event_open, keyctl, add_key, request_key
            97, 268, 40, 39, 41, 51, 265, 92,  # unshare, setns, mount, umount2, pivot_root, chroot, open_by_handle_at, personality
            105, 273, 106, 104, 294, 89, 224, 225, 142, 60,  # modules, kexec, acct, swap, reboot, quotactl
            52, 53, 55, 54,  # fchmod, fchmodat, fchown, fchownat
            5, 6, 7, 14, 15, 16,  # setxattr, removexattr, and their kin
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
    if not known():
        return
    program = b"".join(_INSTRUCTION.pack(*each) for each in _program(_MACHINES[platform.machine()], names=names))
    held = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("@HP", len(program) // _INSTRUCTION.size, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    # commit point: from here on the calls are refused.
    if libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(_SET_SECCOMP, _FILTER, described):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _program(machine: _Machine, *, names: bool) -> list[tuple[int, int, int, int]]:
    """Return the filter. Each part ends with a return, and is jumped over where the call is another one."""
    program = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, machine.architecture), _returned(_KILL), (_LOAD, 0, 0, _NUMBER)]
    program += [(_AT_LEAST, 0, 1, _X32), _returned(_KILL)]
    program += _part(machine.socket, list(_sockets(names=names)))
    for number, flags in ((machine.sendto, 3), (machine.sendmsg, 2), (machine.sendmmsg, 3)):
        program += _part(number, [_argument(flags), (_ANY_BIT, 0, 1, _FAST_OPEN), _REFUSED, _returned(_ALLOW)])
    program += _part(machine.clone, [_argument(0), (_ANY_BIT, 1, 0, _THREAD), _REFUSED, _returned(_ALLOW)])
    # Why another error: the C library then takes clone(2), whose flags a filter can see.
    program += _part(_CLONE3, [_returned(_ERROR | errno.ENOSYS)])
    for number in sorted({*machine.refused, *_SAME}):
        program += _part(number, [_REFUSED])
    return [*program, _returned(_ALLOW)]


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
