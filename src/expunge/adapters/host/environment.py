"""Forget variables of the environment: in the block that the kernel made for this process, and in Python's own copy of it."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, MutableMapping
from wsgiref.handlers import BaseHandler

_OF_PYTHON = ("PYTHON", "COVERAGE")
_NEEDED = frozenset(
    {
        "PATH",
        "HOME",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TMPDIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "OPENSSL_CONF",
        "OPENSSL_MODULES",
        "EXPUNGE_KNOWN_PASSWORDS",
    }
)
_HEADER = sys.getsizeof(b"") - 1
"""Bytes before the content of a bytes object."""


def is_needed(name: str) -> bool:
    """Return whether a running interpreter, or every process of ours, looks at a variable."""
    return name in _NEEDED or name.startswith(("LC_", *_OF_PYTHON))


def forget(keep: Callable[[str], bool]) -> None:
    """Remove every variable but those to keep, and overwrite its value in memory. Child processes that exist keep their copies."""
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_void_p
    held: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way to its bytes
    for name in [name for name in os.environ if not keep(name)]:
        key = os.fsencode(name)
        value = held[key]
        if place := libc.getenv(key):
            ctypes.memset(place, 0, len(value))
        del os.environ[name]
        # Why not shorter ones: Python shares those among all that hold them.
        if len(value) > 1:
            ctypes.memset(id(value) + _HEADER, 0, len(value))
    # The standard library's handlers of WSGI, which Django imports, keep a copy from then on.
    overwrite(BaseHandler.os_environ)


def overwrite(copy: MutableMapping[str, str]) -> None:
    """Empty a copy of the environment that another module made, and overwrite its values where they lie."""
    for value in copy.values():
        if value.isascii() and len(value) > 1:
            ctypes.memset(id(value) + sys.getsizeof(value) - len(value) - 1, 0, len(value))
    copy.clear()
