"""``expunge vault adopt``: seal what lies in the clear, and erase the clear bytes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened

if TYPE_CHECKING:
    from expunge.bootstrap.vault.adopting.adoption import AdoptionForecast, AdoptionSummary

EVERY_S = 10.0
"""Seconds between two lines of progress."""


def adopt(
    dataset: Annotated[
        str, typer.Argument(metavar="DATASET", help="The dataset of a vault that the recordings go to.", show_default=False)
    ],
    source: Annotated[
        str,
        typer.Option("--from", metavar="DATASET", help="The dataset whose recordings lie in the clear in a folder.", show_default=False),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; say how much there is, and about how long it takes.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Seal recordings that lie in the clear into a vault, read each back, and erase the clear bytes of those that came back as they are.

    The map declares both places all the time, so that an order meanwhile erases in both. Each recording keeps its name and its age. It
    can be ended at any time; the same command goes on. How many stay in the clear is said with the reason. Exit code 1: something stays.
    """
    with opened(map_file, recover=True) as expunge:
        if dry_run:
            _foretell(expunge.adoption.forecast(dataset, source), as_json=as_json)
        else:
            _tell(expunge.adoption.adopt(dataset, source, _Progress()), as_json=as_json)


class _Progress:
    """Prints a line of progress now and then, beside the result."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, summary: AdoptionSummary) -> None:
        if time.monotonic() - self._last >= EVERY_S:
            self._last = time.monotonic()
            output.note(f"{output.count(summary.done, 'recording')}, {output.size(summary.bytes)}")


def _foretell(found: AdoptionForecast, *, as_json: bool) -> None:
    if as_json:
        body = {"recordings": found.recordings, "bytes": found.bytes, "people": found.people, "minutes": round(found.minutes, 1)}
        output.write_json("adoption-forecast/1", {**body, "left": _by_reason(found.left)})
        return
    said = f"{output.count(found.recordings, 'recording')} of {output.count(found.people, 'person', 'people')}, {output.size(found.bytes)}"
    output.say(f"to adopt: {said}; about {output.count(max(1, round(found.minutes)), 'minute')}")
    _say_left(found.left, "would stay in the clear")


def _tell(done: AdoptionSummary, *, as_json: bool) -> None:
    from expunge.core.values.outcome import Unable

    stands = done.purged.detail if isinstance(done.purged, Unable) else ""
    if as_json:
        body = {"sealed": done.sealed, "known": done.known, "bytes": done.bytes, "left": _by_reason(done.left), "unpurged": stands}
        output.write_json("adopted/1", body)
    else:
        output.say(f"adopted: {output.count(done.done, 'recording')}, {output.size(done.bytes)}; {done.known} of them were sealed already")
    _say_left(done.left, "stays in the clear" if sum(done.left.values()) == 1 else "stay in the clear")
    if stands:
        output.note(f"clear bytes may be left: {stands}")
    if done.left or stands:
        raise typer.Exit(Exit.FAILED)


def _say_left(left: Mapping[str, int], what: str) -> None:
    for why, count in sorted(left.items()):
        output.note(f"{output.count(count, 'recording')} {what}: {why}")


def _by_reason(left: Mapping[str, int]) -> list[dict[str, object]]:
    return [{"why": why, "recordings": count} for why, count in sorted(left.items())]
