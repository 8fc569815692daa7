"""What a first map is asked for: a folder, a database, a bucket; told by address and content, not by the name of a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from expunge.errors import UsageError

_HEADER = b"SQLite format 3\0"
_LOOKED_AT = 2_000
_MLFLOW = ("mlruns", "mlartifacts")
_POSTGRES = ("postgresql://", "postgres://")


@dataclass(frozen=True)
class Target:
    """One place to be looked into."""

    kind: str
    """The kind of store that it is."""
    name: str
    """A name for the store."""
    url: str
    """As the map will have it: no password, relative to the map."""
    where: Path | str
    """Where it is opened."""
    notes: tuple[str, ...] = ()
    """What whoever reads the map has to know of it."""


def is_database(path: Path) -> bool:
    """Return whether a file begins as a SQLite database does."""
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER)) == _HEADER
    except OSError:
        return False


def recognised(text: str, map_folder: Path, environ: Mapping[str, str]) -> Target:
    """Return what a target is. Raises UsageError for one that is nothing a map could declare."""
    if text.startswith(_POSTGRES):
        return _server(text, environ)
    if text.startswith("s3://"):
        return Target("s3", _name(urlsplit(text).netloc, "bucket"), text, text)
    path = _path(text)
    url = relative(path, map_folder)
    if path.is_dir():
        kind = _folder(path)
        return Target(kind, _name(path.resolve().name, "media"), url, path)
    if is_database(path):
        return Target("sqlite", _name(path.stem, "app"), "sqlite:///" + url.removeprefix("./"), path)
    if path.is_file() and not path.stat().st_size:
        message = f"{text} is empty (0 bytes): a database has a header once its first table is made"
        raise UsageError(message, help="name the file that holds the tables, or make them first")
    message = f"{text} is neither a folder nor a SQLite database, nor an address that begins with postgresql:// or s3://"
    raise UsageError(message, help="expunge init ./media ./app.db postgresql://localhost/app s3://bucket/prefix")


def distinct(targets: Iterable[str]) -> tuple[str, ...]:
    """Return targets without those that are a place named before: by another address, a link, or a second name of the file."""
    found: dict[object, str] = {}
    for text in targets:
        path = _path(text)
        status = path.stat() if "://" not in str(path) and path.exists() else None
        found.setdefault((status.st_dev, status.st_ino) if status is not None else text, text)
    return tuple(found.values())


def relative(path: Path, folder: Path) -> str:
    """Return ``./media`` from the map's folder; a path upwards where it lies elsewhere."""
    text = os.path.relpath(path.resolve(), folder.resolve())
    return "." if text == "." else text if text.startswith("..") else f"./{text}"


def _path(text: str) -> Path:
    return Path(text.removeprefix("sqlite:///"))


def _server(text: str, environ: Mapping[str, str]) -> Target:
    """A database of PostgreSQL. A password is never written down: the map names a variable of the environment."""
    try:
        parts = urlsplit(text)
        secret, base = parts.password is not None or "password" in parts.query, parts.path.strip("/").split("?")[0]
    except ValueError as error:
        message = "the address of a PostgreSQL database cannot be read"
        raise UsageError(message, help="write for instance postgresql://ROLE@HOST:5432/NAME") from error
    name = _name(base, "app")
    known = next((variable for variable, value in sorted(environ.items()) if value == text), "")
    if known:
        return Target("postgres", name, f"${{{known}}}", text)
    if not secret:
        return Target("postgres", name, text, text)
    variable = f"{name.upper()}_URL"
    return Target(
        "postgres", name, f"${{{variable}}}", text, (f"export {variable}=... holds the address of the store {name}, with its password.",)
    )


def _folder(path: Path) -> str:
    """The kind of store that a folder is: by the endings of what lies in it."""
    names = [child.name for child in path.iterdir()]
    if any(name.endswith(".lance") for name in names):
        return "lancedb"
    endings = dict.fromkeys(("parquet", "faiss", "index"), 0)
    files = 0
    for _, folders, found in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in found:
            files += not name.startswith(".")
            ending = name.rpartition(".")[2]
            endings[ending] = endings[ending] + 1 if ending in endings else 0
        if files > _LOOKED_AT:
            break
    if endings["parquet"] and 2 * endings["parquet"] > files:
        return "parquet"
    return "faiss" if endings["faiss"] or (endings["index"] and endings["index"] * 3 >= files) else "files"


def _name(text: str, instead: str) -> str:
    """A name for a store, fit for a map."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", text).strip("_")[:40]
    return name if name[:1].isalpha() and name.lower() not in {"y", "n", "yes", "no", "on", "off", "true", "false", "null"} else instead
