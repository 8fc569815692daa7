"""Find processes that hold removed files of a folder open. The bytes stay on the disk, and readable, until the last process closes them."""

from __future__ import annotations

import os
from pathlib import Path

from expunge import descriptors

_PROC = Path("/proc")
_GONE = b" (deleted)"


def holders(root: Path) -> int:
    """Return how many processes have a removed file of ``root`` open or mapped, as far as this process may see; this process counts too."""
    descriptors.close_idle()
    prefix = os.fsencode(root.resolve()) + b"/"
    return sum(_holds(process, prefix) for process in _PROC.glob("[0-9]*"))


def _holds(process: Path, prefix: bytes) -> bool:
    try:
        with os.scandir(process / "fd") as handles:
            if any(_is_gone(Path(handle.path), prefix) for handle in handles):
                return True
        mapped = (process / "maps").read_bytes()
    except OSError:
        # Another user's process, or one that has just ended: what we may not see is named in ``out_of_scope``.
        return False
    # maps(5) writes line ends as \012; a prefix that has any is only seen through the handles above.
    return any(line.endswith(_GONE) and prefix in line for line in mapped.splitlines())


def _is_gone(handle: Path, prefix: bytes) -> bool:
    try:
        target = os.fsencode(handle.readlink())
    except OSError:
        return False
    return target.startswith(prefix) and target.endswith(_GONE)
