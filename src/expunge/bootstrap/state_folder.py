"""The names of what lies in the state folder."""

from __future__ import annotations

from pathlib import Path

from expunge.errors import Misconfigured, StateUnavailable

KEYS = "keys"
LOG = "log"
ORDERS = "orders"
OUTBOX = "outbox"
SCRATCH = "scratch"
GATE = "gate/snapshot"
INDEX = "index"
EXPORTS = "exports"
PLACES = "places"
DATABASE = "state.db"


def require_keys(folder: Path) -> None:
    """Raise Misconfigured where there is no installation yet, StateUnavailable where its keys are gone."""
    if (folder / KEYS).exists():
        return
    if any((folder / part).exists() for part in (DATABASE, LOG, GATE, ORDERS)):
        raise keys_missing(folder)
    message = f"there is no state in {folder} yet"
    raise Misconfigured(message, help="run `expunge init`")


def keys_missing(folder: Path) -> StateUnavailable:
    """Return the error of a state folder that lost its keys."""
    message = f"the keys of {folder} are missing: {KEYS}/ is not there"
    return StateUnavailable(message, help=f"restore {KEYS}/ from its backup; nothing was changed")
