"""Write the company's PostgreSQL database, and note the owner of each row in the book."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from expunge.demo.company import schema
from expunge.demo.company.book import HOUSEHOLD, Entry
from expunge.demo.company.casting import BEGIN
from expunge.demo.company.people import Household
from expunge.demo.company.stores import derived
from expunge.demo.company.world import Recording, World, time_text
from expunge.demo.voices.audio import join, meaning, voiceprint

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import psycopg

    Session = psycopg.Connection[tuple[Any, ...]]


def write_app(world: World) -> None:
    """Make the database as the app's own programs do, with the statistics that its server would have gathered."""
    world.services.postgres.database(world.services.database)
    with world.services.connect() as session:
        session.execute(schema.TABLES)
        session.execute("INSERT INTO app_settings VALUES ('release', '4.2.0')")
        for home in world.households:
            _write_household(world, session, home)
        for recording in world.recordings:
            _write_rows_of(world, session, recording)
    with world.services.connect(autocommit=True) as session:
        session.execute("VACUUM ANALYZE")


def _write_household(world: World, session: Session, home: Household) -> None:
    opened = time_text(BEGIN - timedelta(days=300))
    settings = json.dumps({"home": home.home, "hub": home.hub, "quiet": "22:00-06:30"})
    row: dict[str, Any] = {
        "account_id": home.account_id, "surname": home.surname, "email": home.email, "street": home.street, "settings": settings,
        "created_at": opened,
    }  # fmt: skip
    _insert(world, session, "accounts", row, HOUSEHOLD)
    for person in home.profiles:
        owner = frozenset({person.profile_id})
        mine = [recording for recording in world.recordings if recording.who == (person,)]
        row = {
            "profile_id": person.profile_id, "account_id": home.account_id, "name": person.name, "email": person.email or None,
            "own_device": person.tablet or None, "birth_year": person.birth_year, "child": person.child, "voice": mine[0].voice,
            "created_at": opened,
        }  # fmt: skip
        _insert(world, session, "profiles", row, owner, ("profile_id", "name", "email", "own_device"))
        vector = voiceprint(join([each.sound for each in mine]), schema.VOICEPRINT)
        row = {"voiceprint_id": f"vpr_{person.profile_id[4:16][::-1]}", "profile_id": person.profile_id, "vector": _vector(vector),
               "enrolled_at": opened}  # fmt: skip
        _insert(world, session, "voiceprints", row, owner, ("voiceprint_id",), (_piece(vector),))
        row = {"consent_id": f"cst_{person.profile_id[8:]}", "profile_id": person.profile_id, "purpose": "answer", "given_at": opened}
        _insert(world, session, "consents", row, owner, ("consent_id",))
    for serial, whose in [(home.hub, None), *((person.tablet, person) for person in home.profiles if person.tablet)]:
        row = {"serial": serial, "account_id": home.account_id, "profile_id": whose.profile_id if whose else None,
               "model": "hub" if whose is None else "tablet" if whose.child else "phone", "added_at": opened}  # fmt: skip
        _insert(world, session, "devices", row, frozenset({whose.profile_id}) if whose else HOUSEHOLD, ("serial",))


def _write_rows_of(world: World, session: Session, recording: Recording) -> None:
    owners = frozenset(person.profile_id for person in recording.who)
    at = time_text(recording.at)
    row: dict[str, Any]
    if len(owners) > 1:
        row = {"recording_id": recording.recording_id, "device": recording.device, "text": recording.text, "recorded_at": at}
        _insert(world, session, "conversations", row, owners)
        for person in recording.who:
            row = {"recording_id": recording.recording_id, "profile_id": person.profile_id, "added_at": at}
            _insert(world, session, "participants", row, frozenset({person.profile_id}))
        return
    of_sound = derived(recording)
    row = {
        "recording_id": recording.recording_id, "profile_id": recording.who[0].profile_id, "device": recording.device,
        "seconds": recording.sound.seconds, **of_sound, "details": json.dumps({"place": recording.place, "heard_by": "hub"}),
        "recorded_at": at,
    }  # fmt: skip
    _insert(world, session, "recordings", row, owners, tuple(of_sound))
    vector = meaning(recording.text, schema.EMBEDDING)
    row = {"recording_id": recording.recording_id, "text": recording.text, "source": recording.text_from, "embedding": _vector(vector),
           "written_at": at}  # fmt: skip
    _insert(world, session, "transcripts", row, owners, ("text",), (_piece(vector),))


def _insert(
    world: World,
    session: Session,
    table: str,
    row: Mapping[str, Any],
    owners: frozenset[str],
    telling: tuple[str, ...] = (),
    samples: tuple[bytes, ...] = (),
) -> None:
    # The names come from this module, never from outside.
    command = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('%s' for _ in row)}) RETURNING *"  # noqa: S608
    key = session.execute(command, tuple(row.values())).fetchall()[0][0]
    strings = tuple(str(value) for value in row.values())
    world.book.note(Entry(f"app:{table}:{key}", owners, strings, tuple(str(row[each]) for each in telling if row[each]), samples))


def _vector(numbers: npt.NDArray[np.float32]) -> str:
    return "[" + ",".join(repr(float(number)) for number in numbers) + "]"


def _piece(numbers: npt.NDArray[np.float32]) -> bytes:
    """Some of it as it lies in the server's pages and in its indexes."""
    return numbers.astype("<f4").tobytes()[64:112]
