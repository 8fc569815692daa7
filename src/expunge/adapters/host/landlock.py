"""Close a process from within by Landlock (landlock(7), Linux 5.13 and later): it names what stays open, and all else is shut.

A closed process opens nothing else, runs no program, and neither makes nor removes a name elsewhere. It makes no TCP connection and takes
no port (Linux 6.7), and sends no signal beyond itself and its children, nor anything to an abstract socket (6.12). Nothing opens it again.

The limits: descriptors that are open stay so. Landlock shuts neither sockets that have a path, nor chmod(2) and its like.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from enum import IntFlag
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""System calls, the same on all machines that Linux calls current."""
_VERSION = 1
_PATH_BENEATH, _NET_PORT = 1, 2
_SET_NO_NEW_PRIVILEGES = 38
_RULE = struct.Struct("=Qi")
_PORT_RULE = struct.Struct("=QQ")


class _Files(IntFlag):
    """Acts on files, by the bits of ``struct landlock_ruleset_attr``."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


_SINCE = {2: _Files.REFER, 3: _Files.TRUNCATE, 5: _Files.IOCTL_DEV}
"""Version -> the act that it can shut; the others can be shut from version 1 on."""
_NETWORK_SINCE, _BIND_AND_CONNECT_TCP, _CONNECT_TCP = 4, 0b11, 0b10
_SCOPES_SINCE, _ABSTRACT_SOCKETS_AND_SIGNALS = 6, 0b11
_READ = _Files.READ_FILE | _Files.READ_DIR
_WRITE = _READ | (
    _Files.WRITE_FILE
    | _Files.REMOVE_DIR
    | _Files.REMOVE_FILE
    | _Files.MAKE_DIR
    | _Files.MAKE_REG
    | _Files.MAKE_SOCK
    | _Files.MAKE_FIFO
    | _Files.MAKE_SYM
    | _Files.REFER
    | _Files.TRUNCATE
)
_OF_A_FILE = _Files.EXECUTE | _Files.WRITE_FILE | _Files.READ_FILE | _Files.TRUNCATE | _Files.IOCTL_DEV


def version() -> int:
    """Return the version of Landlock that the kernel has; 0 where it has none, or a container forbids it."""
    return max(0, int(ctypes.CDLL(None).syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(_VERSION))))


def close(read: Iterable[Path], write: Iterable[Path] = (), ports: Iterable[int] = ()) -> None:
    """Close this process: the calling thread, and threads and processes that it starts later. Paths that are not there are left out.

    Args:
        read: folders and files that it may go on reading, with all below them.
        write: folders whose content it may read, change, make and remove.
        ports: TCP ports that it may connect to, on any host.

    Raises:
        RuntimeError: other threads run already, and would stay open.
        OSError: the kernel refuses.
    """
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        message = "a process is closed before it has other threads: those would stay open"
        raise RuntimeError(message)
    known = version()
    handled = sum((each for each in _Files if known >= _needed(each)), _Files(0))
    attributes = [int(handled)]
    attributes += [_BIND_AND_CONNECT_TCP] if known >= _NETWORK_SINCE else []
    attributes += [_ABSTRACT_SOCKETS_AND_SIGNALS] if known >= _SCOPES_SINCE else []
    packed = struct.pack(f"={len(attributes)}Q", *attributes)
    ruleset = _called(_CREATE, packed, ctypes.c_size_t(len(packed)), ctypes.c_uint(0))
    try:
        for paths, acts in ((read, _READ), (write, _WRITE)):
            for path in paths:
                _open_up(ruleset, path, acts & handled)
        for port in ports if known >= _NETWORK_SINCE else ():
            _called(_ADD, ctypes.c_int(ruleset), ctypes.c_int(_NET_PORT), _PORT_RULE.pack(_CONNECT_TCP, port), ctypes.c_uint(0))
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        # commit point: from here on this process opens nothing but what was named.
        _called(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint(0))
    finally:
        os.close(ruleset)


def _needed(act: _Files) -> int:
    return next((since for since, later in _SINCE.items() if act is later), 1)


def _open_up(ruleset: int, path: Path, acts: _Files) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        allowed = acts if path.is_dir() else acts & _OF_A_FILE
        _called(_ADD, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), _RULE.pack(int(allowed), beneath), ctypes.c_uint(0))
    finally:
        os.close(beneath)


def _called(number: int, *arguments: object) -> int:
    found = int(ctypes.CDLL(None, use_errno=True).syscall(number, *arguments))
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found
