"""The part of a map that a server looks at, read in a process of its own."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from pathlib import Path

from expunge.adapters.state.accounts_database import AccountsDatabase
from expunge.core.datamap.datamap import DataMap, StoreSpec
from expunge.errors import ExpungeError, Misconfigured


@dataclass(frozen=True)
class ServedMap:
    """The part of a map that a server needs. It names no place of a store and none of the state's database."""

    map: DataMap
    """Without URLs and options of stores, and without sections that no server looks at."""
    database: AccountsDatabase | None
    """The database of its accounts; None for a map without."""
    desk: bool = False
    """Whether the map has a review desk. What the desk goes by is the clerk's alone."""


def read_served(path: Path | None) -> ServedMap:
    """Read a map for a server, in a process of its own: this one never has the rest of it in its memory. It must have one thread.

    Raises Misconfigured, with every fault.
    """
    reading, writing = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        raise _short() from None
    if child == 0:
        try:
            os.close(reading)
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(_served(path), pipe)
        finally:
            os._exit(0)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as pipe:
            # The process above is ours, and reads for this one alone.
            found = pickle.load(pipe)  # noqa: S301
    except (EOFError, pickle.UnpicklingError):
        raise _short() from None
    finally:
        os.waitpid(child, 0)
    if isinstance(found, ServedMap):
        return found
    raise Misconfigured(found[0], help=found[1])


def _short() -> Misconfigured:
    return Misconfigured("the map could not be read: its reader ended", help="see whether memory is short, and try again")


def set_up_api() -> None:
    """Set Django up for a server without pages, in a process that has not set it up."""
    import django

    from expunge.adapters.state.configuration import ensure_django

    ensure_django()
    # Why as well: a server logs by Django's own rules, which name no address of a request.
    django.setup()


def _served(path: Path | None) -> ServedMap | tuple[str, str]:
    # Why here: what reads maps is needed in the child alone.
    from expunge.adapters.state.accounts_database import accounts_database
    from expunge.maps import find_map, read_map
    from expunge.stores import Kinds

    try:
        data_map = read_map(find_map(Path.cwd()) if path is None else path, os.environ, kinds=Kinds())
        database = accounts_database(data_map)
    except ExpungeError as error:
        return error.message, error.help
    stores = {name: StoreSpec(name, store.kind, "") for name, store in data_map.stores.items()}
    kept = {name: getattr(data_map, name) for name in ("datasets", "retention", "state", "purposes", "accounts", "source")}
    return ServedMap(DataMap(stores=stores, identities={}, ignore=(), **kept), database, data_map.review is not None)
