"""Secrets that a map names by their place: the first line of a file, or a variable of the environment."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from expunge.errors import KeystoreLocked, Misconfigured

_MOST = 4096


def read_secret(file: str, variable: str, what: str, owner: str) -> str:
    """Return a secret, read anew at each call: it may be changed.

    Args:
        file: the file whose first line it is; empty where ``variable`` holds it.
        variable: the name of the variable.
        what: *PIN*, *token*, *password* or *secret*, for messages.
        owner: the place that it opens, for messages.

    Raises:
        KeystoreLocked: it is not there, or cannot be read.
        Misconfigured: everybody can read the file.
    """
    if variable:
        found, where, mend = os.environ.get(variable, ""), f"the variable {variable}", "set it for this command"
    else:
        found, where, mend = _first_line(Path(file), what), file, "write it into the first line"
    if not found:
        message = f"{where} does not hold the {what} of {owner}"
        raise KeystoreLocked(message, help=mend)
    return found


def _first_line(path: Path, what: str) -> str:
    try:
        # Why so: a pipe in the place of the file must not be waited for.
        with open(path, encoding="utf-8", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                message = f"what should hold the {what} is no ordinary file: {path}"
                raise Misconfigured(message, help="correct `secret_file:`")
            if mode & stat.S_IROTH:
                message = f"everybody can read the {what} in {path}"
                raise Misconfigured(message, help=f"chmod o-r {path}, and change it: others may know it")
            return file.readline(_MOST).strip()
    except (OSError, UnicodeDecodeError) as error:
        message = f"the {what} cannot be read from {path}: {getattr(error, 'strerror', None) or 'it is no text'}"
        raise KeystoreLocked(message, help="correct `secret_file:`, or its rights") from error
