"""A fixture for the test files whose folders stay on a disk; ``make test`` keeps those of all others in memory, where there is room."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Where files outlive a restart, by the Filesystem Hierarchy Standard 3.0, section 5.15.
PERSISTENT = Path("/var/tmp")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder on a disk, for the test files that import this."""
    made = Path(tempfile.mkdtemp(prefix="expunge-on-disk-", dir=PERSISTENT))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def kind_of_file_system(folder: Path) -> str:
    """Return what the folder's file system is called in ``/proc/self/mountinfo``: ``ext4``, ``tmpfs``."""
    device = folder.stat().st_dev
    wanted = f"{device >> 8 & 0xFFF}:{device & 0xFF | device >> 12 & 0xFFF00}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2] == wanted:
            return after.split()[0]
    return ""
