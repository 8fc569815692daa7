"""The first chapters: a company, its stores, and the undeclared copy."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from shlex import quote

from expunge.bootstrap import Expunge
from expunge.core.values.copy import FindingKind
from expunge.demo.company import schema
from expunge.demo.company.build import build_company, write_map
from expunge.demo.company.narration import Narrator
from expunge.demo.company.people import COMPANY
from expunge.demo.company.services import Services
from expunge.demo.company.stage import Officer, Stage
from expunge.demo.company.survey import survey
from expunge.demo.company.truth import by_store, candidates, require_plain
from expunge.demo.company.twin import copy_world
from expunge.demo.company.world import EXPORT, STORES, World
from expunge.demo.voices.speech import Speech, find

_KINDS = {
    "app": "PostgreSQL: accounts, transcripts with two kinds of search, voiceprints",
    "audio": "S3: recordings and what is noted beside each",
    "lake": "Parquet: events by day, and a training set",
    "hub": "SQLite on the device hub: whereabouts",
}


def company(
    folder: Path, narrator: Narrator, services: Services, seed: int, speech: Speech | None, *, keep_before: bool, workers: int
) -> Stage:
    """Build the company, show its data, and copy it: for the twin, and on request to be kept as ``before/``.

    Raises:
        ValueError: a string of a coming requester is not there as plain text.
    """
    officer = Officer()
    with narrator.chapter("A company that listens"):
        state = schema.SHARED if workers else schema.ALONE
        voices = speech if speech is not None else find()
        world = build_company(folder, services, seed, voices, officer.approvers, state)
        stage = Stage(folder, narrator, world, officer, workers)
        children = sum(person.child for person in world.people)
        narrator.say(
            f"{COMPANY} is a voice assistant. {len(world.households)} households use it: {len(world.people)} people, "
            f"{children} of them children. All of them are made up. The servers are real: PostgreSQL, and SeaweedFS for S3."
        )
        stage.survey = survey(services, folder / "world")
        narrator.table("What the company holds", ["store", "what", "items", "KiB"], _stores(world), numbers=2)
        for voice, count in sorted(Counter(recording.voice for recording in world.recordings if len(recording.who) == 1).items()):
            narrator.point(f"{count} recordings: {voice}")
        narrator.point("children and whoever has no recorded voice are synthetic, and the company's own data says so; see CREDITS.txt")
        for note in world.notes:
            narrator.point(note)
        stage.strings = {request.person.profile_id: candidates(world, request.person) for request in world.requests}
        stage.expect(set(stage.survey) == set(world.book.entries), f"{len(stage.survey)} items, each one's owner known to this story alone")
        _set_aside(stage, keep_before=keep_before)
    return stage


def _stores(world: World) -> list[tuple[str, str, str, str]]:
    rows = []
    for name, place in STORES.items():
        root = world.folder / "world" / place
        paths = [path for path in root.rglob("*") if path.is_file()] if root.is_dir() else list(root.parent.glob(f"{root.name}*"))
        items = sum(key.startswith(f"{name}:") and EXPORT not in key for key in world.book.entries)
        rows.append((name, _KINDS[name], str(items), f"{sum(path.stat().st_size for path in paths) / 1024:,.0f}"))
    return rows


def _set_aside(stage: Stage, *, keep_before: bool) -> None:
    copies = [stage.folder / "twin", *([stage.folder / "before"] if keep_before else [])]
    copy_world(stage.world, *copies)
    hits = stage.search.folder(copies[0])
    for strings in stage.strings.values():
        require_plain(strings, hits)
    stage.before = by_store(copies[0], hits)


def undeclared(stage: Stage) -> None:
    """``check`` finds the copy; it is declared; ``check`` finds nothing more."""
    narrator = stage.narrator
    with narrator.chapter("What nobody declared"):
        narrator.say("The company writes a data map, and Expunge opens every store to compare:")
        narrator.command(f"expunge init && expunge check --map {quote(str(stage.map))}")
        Expunge.init(stage.map)
        with Expunge.open(stage.map) as expunge:
            findings = [finding for finding in expunge.check() if finding.kind is not FindingKind.NOTE]
        for finding in findings:
            narrator.point(f"found in {finding.store}: {finding.where}: {finding.what}")
        found = len(findings) == 1 and EXPORT.partition("/")[0] in findings[0].where
        stage.expect(found, "one finding: an engineer's copy of what everybody said, in no dataset of the map")
        write_map(stage.world, with_export=True, approvers=stage.officer.approvers, state=stage.state)
        narrator.say("It is declared as dataset asr_errors, derived from the transcripts, to be erased with them:")
        with Expunge.open(stage.map) as expunge:
            left = [finding for finding in expunge.check() if finding.kind is not FindingKind.NOTE]
        for finding in left:
            narrator.point(f"found in {finding.store}: {finding.where}: {finding.what}", good=False)
        stage.expect(not left, "expunge check: nothing undeclared, exit code 0")
