"""Find processes that hold removed files of a folder open. The bytes stay on the disk, and readable, until the last process closes them."""

from __future__ import annotations

import os
from pathlib import Path

from expunge import descriptors

_PROC = "/proc"
_GONE = b" (deleted)"


def holders(root: Path) -> int:
    """Return how many processes have a removed file of ``root`` open or mapped, as far as this process may see; this process counts too."""
    descriptors.close_idle()
    prefix = os.fsencode(root.resolve()) + b"/"
    with os.scandir(_PROC) as processes:
        return sum(_holds(process.path, prefix) for process in processes if process.name[:1].isdigit())


def _holds(process: str, prefix: bytes) -> bool:
    try:
        with os.scandir(f"{process}/fd") as handles:
            if any(_is_gone(handle.path, prefix) for handle in handles):
                return True
        mapped = Path(process, "maps").read_bytes()
    except OSError:
        # Another user's process, or one that has just ended: what we may not see is named in ``out_of_scope``.
        return False
    # maps(5) writes line ends as \012; a prefix that has any is only seen through the handles above.
    return _GONE in mapped and any(line.endswith(_GONE) and prefix in line for line in mapped.splitlines())


def _is_gone(handle: str, prefix: bytes) -> bool:
    try:
        target = os.fsencode(os.readlink(handle))  # noqa: PTH115 - a path object for each handle of each process costs more than the look
    except OSError:
        return False
    return target.startswith(prefix) and target.endswith(_GONE)
