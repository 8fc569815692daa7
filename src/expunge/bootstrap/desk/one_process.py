"""The review desk with its account guard in one process: no page, keeper or clerk stands between. For the demonstration, and trials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from expunge.adapters.keys.field_seals import FieldSeals
from expunge.adapters.keys.local_keystore import LocalKeys
from expunge.bootstrap import Expunge
from expunge.bootstrap.accounts.approver_passkeys import holders_of
from expunge.bootstrap.accounts.guard_settings import GuardSettings
from expunge.bootstrap.accounts.kept_guard import KeptGuard
from expunge.bootstrap.clerk.desks.local_desk import LocalDesk
from expunge.bootstrap.clerk.recordings import FamilyRecordings
from expunge.bootstrap.clerk.review_room import ReviewRoom
from expunge.bootstrap.open_state import open_state
from expunge.core.families.looks import Look
from expunge.core.values.ids import Pseudonym
from expunge.engine.families.labels import FamilyLabels
from expunge.errors import KeystoreLocked
from expunge.ports.review.desk_door import DeskDoor


def guard_of(expunge: Expunge, origin: str, company: str) -> KeptGuard:
    """Return an account guard over the tables of an installation. It remembers logins until it is closed, also once that is closed.

    Args:
        expunge: opened with its keys.
        origin: the address that passkeys are bound to.
        company: what people call the operator.

    Raises KeystoreLocked where a keeper has the keys.
    """
    keys, spec = expunge.context.keys, expunge.map
    if not isinstance(keys, LocalKeys):
        raise KeystoreLocked("a keeper has the keys, and guards the accounts", help="end it, or ask it")
    return KeptGuard(lambda: open_state(spec).journal, FieldSeals(keys.account_key()), GuardSettings(origin, company))


@contextmanager
def desk_in_process(expunge: Expunge, kept: KeptGuard) -> Iterator[DeskDoor]:
    """Give the desk of an opened installation for the length of a block. Raises as :class:`ReviewRoom`."""
    guard = kept()
    # Why no first names: no family is open here. What looks like a name is masked in transcripts all the same.
    labels = FamilyLabels(expunge.context, lambda _: None)
    room = ReviewRoom(expunge, guard, guard, labels, partial(holders_of, expunge.context))
    try:
        yield LocalDesk(room)
    finally:
        room.close()


def looks_at(expunge: Expunge, subjects: Iterable[Pseudonym]) -> tuple[Look, ...]:
    """Return the looks at a person's recordings as the family's page tells them, the newest first."""
    recordings = FamilyRecordings(expunge)
    try:
        return recordings.looks.page(subjects, "", {}).looks
    finally:
        recordings.close()
