"""The story, from the first recording to the receipt. Everything is done for real, narrated and timed."""

from __future__ import annotations

import json
import shlex
import subprocess
from contextlib import ExitStack
from pathlib import Path

from expunge.demo.company import outside_search, services
from expunge.demo.company.narration import Narrator
from expunge.demo.company.stage import Stage
from expunge.demo.company.world import STORES
from expunge.demo.story import doorbells, erasing, looking, opening, proving, restoring, several
from expunge.demo.voices.speech import Speech
from expunge.errors import UsageError

SEED = 7
_MARK = "demo.json"
SERVERS = "servers"
"""Folder of the logs of the company's servers."""
LOGINS, DESK = "logins.json", "desk.json"
"""Who can log in where the company is served; what a walk through its desk is told."""
_OURS = (
    "world", "before", "twin", "state", "consent", doorbells.NIGHTLY, "guardian", "forged", "statements", SERVERS, "expunge.yaml",
    "CREDITS.txt", proving.PUBLISHED, LOGINS, DESK, ".expunge-accounts", _MARK,
)  # fmt: skip


def tell(
    folder: Path,
    *,
    keep_before: bool = False,
    workers: int = 0,
    seed: int = SEED,
    speech: Speech | None = None,
    narrator: Narrator | None = None,
) -> Stage:
    """Perform the demonstration in ``folder``.

    Args:
        folder: new, empty, or that of an earlier demonstration, which is replaced.
        keep_before: also keep ``before/``, a cold copy of the world from before the orders.
        workers: how many processes carry the orders out, one of which is killed; 0: this process does it.
        seed: of the company.
        speech: where the voices come from; the best that can be had when None.
        narrator: who tells it; the terminal when None.

    Raises:
        UsageError: the folder holds something else, or too few workers are wanted for one to be killed.
        ServerFailed: a server is not installed, or does not start.
    """
    if workers == 1 or workers < 0:
        raise UsageError("one worker is killed, so it takes at least two", help="--workers 3")
    clear(folder)
    teller = narrator if narrator is not None else Narrator()
    with services.running(folder / SERVERS, folder / "world") as running, several.state(folder, workers), ExitStack() as staying:
        running.announce()
        stage = opening.company(folder, teller, running, seed, speech, keep_before=keep_before, workers=workers)
        backup = folder / SERVERS / "lantern.dump"
        restoring.back_up(running, backup)
        opening.undeclared(stage)
        doorbells.ringing(stage)
        looked = looking.looking(stage, staying)
        erasing.asking(stage, looked)
        erasing.erasing(stage)
        proving.hand_over(stage)
        proving.unchanged(stage)
        doorbells.dark(stage, looked)
        proving.late(stage)
        restoring.restored(stage, backup)
        services.stopped(running.postgres, folder / "world" / STORES["app"])
    proving.comparing(stage)
    proving.checking(stage)
    _end(stage, keep_before=keep_before)
    return stage


def clear(folder: Path) -> None:
    """Make room: remove the files of an earlier demonstration. Raises UsageError when the folder holds anything else."""
    folder.mkdir(parents=True, exist_ok=True)
    there = {path.name for path in folder.iterdir()}
    if there and (_MARK not in there or there - set(_OURS)):
        message = f"{folder} is not empty and was not made by this demonstration alone"
        raise UsageError(message, help="name a new folder")
    if there:
        # An ordinary removal is enough: nobody in here exists.
        subprocess.run(["rm", "-rf", "--", *(str(folder / name) for name in sorted(there))], check=True)
    (folder / _MARK).write_text(json.dumps({"schema": "expunge.demo/1"}) + "\n", "utf-8")


def _end(stage: Stage, *, keep_before: bool) -> None:
    narrator, folder = stage.narrator, stage.folder
    narrator.console.print()
    rows = [(title, f"{seconds:.1f}") for title, seconds in narrator.chapters]
    narrator.table("Seconds", ["chapter", "s"], [*rows, ("=in all", f"{narrator.seconds:.1f}")])
    places = [
        f"{folder / 'guardian'}/1..{len(stage.orders)}   what each person holds: receipt, proof, page, opening.json, export, before.json",
        f"{folder / 'world'}   the company's stores, as they are now",
        f"{folder / 'state'}   Expunge's own state: journal, keys, log",
        f"{folder / SERVERS}   logs of the company's servers, which are stopped",
        f"{folder / doorbells.NIGHTLY}   the backup of the doorbell's vault and key table from before the orders: nothing opens it",
        f"{folder / 'twin'}   the same company after an ordinary DELETE",
    ]
    if keep_before:
        places.append(f"{folder / 'before'}   the company's stores as they were before the orders")
    narrator.box("Where things lie", "\n".join(places))
    narrator.say("Check a signature yourself, with openssl alone:")
    narrator.command(shlex.join(proving.openssl_line(stage.guardian(1))))
    narrator.say("Search for every string of a before.json with a small script of plain Python that knows nothing of Expunge:")
    search = Path(outside_search.__file__)
    narrator.command(
        shlex.join(["python3", str(search), str(stage.guardian(1) / "before.json"), str(folder / "world"), str(folder / "state")])
    )
    narrator.say("See it as its families do, at pages on this machine: log in, look, listen, stop, delete, and watch.")
    narrator.command("expunge demo serve")
    if stage.failures:
        narrator.say(f"{len(stage.failures)} of the story's claims did not hold:")
        for failure in stage.failures:
            narrator.point(failure, good=False)
