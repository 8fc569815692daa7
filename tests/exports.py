"""Read an export for tests: with the standard library alone, as its owner would."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any


def parts(folder: Path) -> list[Path]:
    """The zips of an export, in their order."""
    return sorted(folder.glob("part-*.zip"), key=lambda path: int(path.stem.removeprefix("part-")))


def everything(folder: Path) -> dict[str, bytes]:
    """Every file of every part; of files that several parts have, that of the last one."""
    found = {}
    for path in parts(folder):
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            found |= {name: archive.read(name) for name in archive.namelist()}
    return found


def held(folder: Path) -> dict[str, bytes]:
    """The person's files, by their paths below ``part-N/data``."""
    return {name.partition("/data/")[2]: data for name, data in everything(folder).items() if "/data/" in name}


def listed(folder: Path) -> list[dict[str, Any]]:
    """The rows about files of all parts' manifests."""
    files = everything(folder)
    return [row for name, data in files.items() if name.endswith("/manifest.json") for row in json.loads(data)["files"]]


def manifest(folder: Path) -> dict[str, Any]:
    """The manifest beside the parts."""
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return found
