"""``expunge retention disclosure`` and ``posted``: what pages show the public, and on which days they did."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened

_LEAST = 8


def add_to(app: typer.Typer) -> None:
    """Add both commands."""
    app.command()(disclosure)
    app.command()(posted)


def disclosure(
    matches: Annotated[
        list[str] | None, typer.Option(help="A version that a prompt or page shows, to hold against it.", show_default=False)
    ] = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Print what is disclosed of the retention of whereabouts and voices, with the version of each and when pages showed it.

    Exit code 0: done, and every version that was given is one of now; 1: one is not: the schedule has changed since.
    """
    with opened(map_file) as expunge:
        found, known = expunge.retention.disclosures(), expunge.retention.postings()
    wrong = [each for each in matches or () if not any(_is_version(each, shown.digest) for shown in found)]
    if as_json:
        told: list[dict[str, Any]] = []
        for each in found:
            latest = known.latest(each.name)
            told.append(
                {**each.to_json(), "sha256": each.digest, "shown": latest.last if latest and latest.sha256 == each.digest else None}
            )
        output.write_json("retention-disclosure/1", {"disclosures": told, "unmatched": wrong})
    else:
        for each in found:
            latest = known.latest(each.name)
            shown = f"shown, last on {output.moment(latest.last)}" if latest and latest.sha256 == each.digest else "not shown yet"
            output.say(f"{each.of.value}: version {each.digest}, {shown}")
            for data in each.data:
                kept = f"{data.period} from {output.visible(data.counted)}" if data.period else "as long as what it was made from"
                output.say(f"  {data.kind.value}: {kept}; to {output.visible(data.purpose)}")
        for version in wrong:
            output.say(f"NOT THE SCHEDULE OF NOW: {output.visible(version)}")
    if wrong:
        raise typer.Exit(Exit.FAILED)


def posted(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Print how far the notices of orders were shown as the map says: days, days missed, and each text by its hash.

    Exit code 0: every notice was shown on each of its days until now; 1: one was not.
    """
    with opened(map_file) as expunge:
        standings, known = expunge.retention.notices(), expunge.retention.postings()
    wrong = [each for each in standings if each.missed]
    if as_json:
        shown = [
            {"name": each.name, "sha256": each.sha256, "first": each.first, "last": each.last, "days": len(each.days)}
            for each in known.shown
        ]
        notices = [
            {"id": each.notice.id, "from": f"{each.notice.since}", "until": f"{each.notice.until}", "shown": each.shown,
             "missed": each.missed, "current": each.current}
            for each in standings
        ]  # fmt: skip
        output.write_json("retention-posted/1", {"notices": notices, "shown": shown})
    else:
        for each in standings:
            said = f"{each.notice.id}: from {each.notice.since}, until {each.notice.until}: shown on {output.count(each.shown, 'day')}"
            output.say(f"{said}, missed on {each.missed}{'' if each.current else '; its file was not shown as it is now'}")
        for text in known.shown:
            days = f"{output.count(len(text.days), 'day')}, {output.moment(text.first)} to {output.moment(text.last)}"
            output.say(f"  {text.name} {text.sha256}: {days}")
    if wrong:
        raise typer.Exit(Exit.FAILED)


def _is_version(given: str, digest: str) -> bool:
    return len(given) >= _LEAST and digest.startswith(given.lower())
