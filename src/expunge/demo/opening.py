"""The first chapters: a company, its stores, and the copy that nobody declared."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

from expunge.bootstrap import Expunge
from expunge.demo.company import build_company, write_map
from expunge.demo.narration import Narrator
from expunge.demo.people import COMPANY
from expunge.demo.speech import Speech, find
from expunge.demo.stage import Officer, Stage
from expunge.demo.survey import survey
from expunge.demo.truth import by_store, candidates, require_plain
from expunge.demo.world import EXPORT, World


def company(folder: Path, narrator: Narrator, seed: int, speech: Speech | None) -> Stage:
    """Build the company and say what it has."""
    officer = Officer()
    with narrator.chapter("A company that listens"):
        world = build_company(folder, seed, speech if speech is not None else find(), officer.approvers)
        stage = Stage(folder, narrator, world, officer)
        children = sum(person.child for person in world.people)
        narrator.say(
            f"{COMPANY} is a voice assistant. {len(world.households)} households use it: {len(world.people)} people, "
            f"{children} of them children. All of them are made up."
        )
        narrator.table("What the company holds", ["store", "what", "items", "KiB"], _stores(world), numbers=2)
        for voice, count in sorted(Counter(recording.voice for recording in world.recordings if len(recording.who) == 1).items()):
            narrator.point(f"{count} recordings: {voice}")
        narrator.point("children and whoever has no recorded voice are synthetic, and the company's own data says so; see CREDITS.txt")
        for note in world.notes:
            narrator.point(note)
        # Noted before anybody opens the database: whoever may write to it folds its write-ahead log in when they close it.
        stage.survey = survey(folder / "world")
        stage.strings = {request.person.profile_id: candidates(world, request.person) for request in world.requests}
        hits = stage.search().folder(folder / "world")
        for strings in stage.strings.values():
            require_plain(strings, hits)
        stage.before = by_store(world.stores, hits)
        stage.expect(set(stage.survey) == set(world.book.entries), f"{len(stage.survey)} items, each one's owner known to this story alone")
    return stage


def _stores(world: World) -> list[tuple[str, str, str, str]]:
    kinds = {
        "media": "files: voice/, shared/, sidecars",
        "app": "sqlite: accounts, transcripts with search, whereabouts, voiceprints",
        "analytics": "files: gzipped JSON lines, one a day",
    }
    rows = []
    for name, root in world.stores.items():
        paths = [path for path in root.rglob("*") if path.is_file()] if root.is_dir() else list(root.parent.glob(f"{root.name}*"))
        items = sum(key.startswith(f"{name}:") and EXPORT not in key for key in world.book.entries)
        rows.append((name, kinds[name], str(items), f"{sum(path.stat().st_size for path in paths) / 1024:,.0f}"))
    return rows


def keep_cold_copy(stage: Stage) -> None:
    """Put ``before/`` aside: the company's world as it was, journals included, touched by nobody since."""
    shutil.copytree(stage.folder / "world", stage.folder / "before")


def undeclared(stage: Stage) -> None:
    """``check`` finds the copy; it is declared; ``check`` finds nothing more."""
    narrator = stage.narrator
    with narrator.chapter("What nobody declared"):
        narrator.say("The company writes a data map, and Expunge opens every store to compare:")
        narrator.command(f"expunge init && expunge check --map {stage.map}")
        Expunge.init(stage.map)
        with Expunge.open(stage.map) as expunge:
            findings = [finding for finding in expunge.check() if finding.kind.value != "note"]
        for finding in findings:
            narrator.point(f"found in {finding.store}: {finding.where}: {finding.what}")
        found = len(findings) == 1 and EXPORT.partition("/")[0] in findings[0].where
        stage.expect(found, "one finding: an engineer's copy of what everybody said, in no dataset of the map")
        write_map(stage.folder, with_export=True, approvers=stage.officer.approvers)
        narrator.say("It is declared as dataset asr_errors, derived from the transcripts, to be erased with them:")
        with Expunge.open(stage.map) as expunge:
            left = [finding for finding in expunge.check() if finding.kind.value != "note"]
        stage.expect(not left, "expunge check: nothing undeclared, exit code 0")
