"""What lies in SQLite databases and in their folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from expunge.ports.optional.file_listing import NameFile
from expunge.ports.optional.surroundings import Near, NearFiles, NearTables
from expunge.stores.near.lying_files import files_of


def surroundings(databases: Mapping[str, Path], names: Callable[[], NameFile]) -> Iterator[Near]:
    """Yield the databases by alias, and each folder that one of them lies in."""
    for alias, path in databases.items():
        if path.exists():
            yield NearTables("sqlite", path, prefix="" if alias == "main" else f"{alias}.")
    for folder in dict.fromkeys(path.parent for path in databases.values()):
        yield folder_of(folder, names)


def folder_of(folder: Path, names: Callable[[], NameFile]) -> NearFiles:
    """Return the files of a folder, but for the databases that the store declares and what SQLite keeps beside them."""
    return replace(files_of(folder, names, programs=False), place=f"the folder {folder.name or folder}", url=str(folder))
