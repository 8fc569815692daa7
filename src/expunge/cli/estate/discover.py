"""``expunge discover``: look, after the map exists, for places that hold people and that no dataset declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened

if TYPE_CHECKING:
    from expunge.core.discovery.discovery import Discovery


def discover(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Look at every store and beside it for tables, files and models that hold people and that no dataset declares.

    Found by values of known identities, by audio, pictures and video, by coordinates; each with lines for the map. Exit code 1 when there
    is one, or a place that could not be looked at.
    """
    from expunge.bootstrap import discovering

    if discovering.has_state(map_file):
        with opened(map_file) as expunge:
            found = expunge.discover()
    else:
        found = discovering.look_without_state(map_file)
    if as_json:
        output.write_json("discovered/1", as_fields(found))
    else:
        _show(found)
    if not found.clean:
        raise typer.Exit(Exit.FAILED)


def as_fields(found: Discovery) -> dict[str, Any]:
    """The result for ``--json``."""
    return {
        "clean": found.clean,
        "said": found.said,
        "found": [
            {
                "store": each.store,
                "place": each.place,
                "signs": [{"sign": sign.sign, "what": sign.what} for sign in each.sightings],
                "ignored": each.ignored,
                "entry": each.entry,
            }
            for each in found.found
        ],
        "unseen": [{"store": each.store, "place": each.place, "why": each.why} for each in found.unseen],
        "ignored": [{"store": each.store, "place": each.place, "why": each.why} for each in found.ignored],
        "identities": found.identities,
        "bounds": found.bounds,
    }


def _show(found: Discovery) -> None:
    for each in found.found:
        output.say(f"undeclared: {each.store}: {output.visible(each.place)}")
        for sign in each.sightings:
            output.say(f"    {output.visible(sign.what)}")
        if each.ignored:
            output.say(f"    the map ignores it, with the reason: {output.visible(each.ignored)}")
        for line in each.entry.splitlines():
            output.say(f"    | {output.visible(line)}")
    for unseen in found.unseen:
        output.say(f"could not look: {unseen.store}: {output.visible(unseen.place)}: {output.visible(unseen.why)}")
    for ignored in found.ignored:
        output.say(f"ignored: {ignored.store}: {output.visible(ignored.place)}: {output.visible(ignored.why)}")
    for bound in found.bounds:
        output.say(f"bound: {bound}")
    output.say(f"{found.said} ({output.count(found.identities, 'identity', 'identities')} compared)")
