"""Show the person that a name resolves to, and the data held about them, before an order is received."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.installation import opened
from expunge.errors import NotResolved

if TYPE_CHECKING:
    from expunge.bootstrap import Expunge
    from expunge.engine.subjects.locating import LocatedCopies
    from expunge.engine.subjects.resolving import ResolvedName

Names = Annotated[
    list[str], typer.Argument(metavar="NAME", help="KIND:VALUE (profile:p-17, email:a@example.org) or a bare value.", show_default=False)
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="KIND:VALUE or a bare value.", show_default=False)]
Whole = Annotated[bool, typer.Option("--whole", help="Mean the owner with everything in it: the account that a device belongs to.")]


def locate(
    names: Names,
    whole: Whole = False,
    items: Annotated[bool, typer.Option("--items", help="Also the key of each item, as `expunge hold add --item` takes it.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show whom a name means and what every dataset holds about them. Changes nothing."""
    with opened(map_file) as expunge:
        people = resolve(expunge, names, whole=whole)
        if not as_json:
            for person in people:
                output.say(described(person))
        located = expunge.locate(people, None if as_json else _as_it_finds)
    keys = {name: [key for copy in copies for key in copy.keys] for name, copies in located.copies.items()} if items else {}
    if as_json:
        named = {"keys": keys} if items else {}
        output.write_json("located/1", {"people": [_as_json(person) for person in people], **_located(located), **named})
        return
    _show(located)
    for dataset, names_of_items in sorted(keys.items()):
        for key in names_of_items:
            output.say(f"{dataset}: {output.visible(key)}")


def resolve(expunge: Expunge, names: Sequence[str], *, whole: bool) -> list[ResolvedName]:
    """Resolve names; an ambiguous one is shown with all that it can mean before the error goes on."""
    if len(names) > 1:
        with suppress(NotResolved):
            return expunge.resolve_all(names, whole=whole)
    # Why one by one: which of many names was not resolved, their common answer does not say.
    people = []
    for name in names:
        try:
            people.append(expunge.resolve(name, whole=whole))
        except NotResolved:
            for kind, value in expunge.candidates(name):
                output.note(f"can mean {kind}:{output.visible(value)}")
            raise
    return people


def described(person: ResolvedName) -> str:
    """Describe one person in one line, for the operator's terminal."""
    values = ", ".join(f"{kind}:{output.visible(value)}" for kind, value in person.person.identifiers())
    members = "".join(f", with {output.count(number, kind)} of theirs" for kind, number in sorted(person.members.items()))
    owners = f" (the {', '.join(person.owners)} stays)" if person.owners else ""
    unknown = "" if person.known else ": nobody of that name is known; the order ends with a receipt that says so"
    straddling = f"; {person.straddling} of them belong to somebody else as well, whose data goes too" if person.straddling else ""
    return f"{values}{members}{owners}{unknown}{straddling}"


def _as_json(person: ResolvedName) -> dict[str, Any]:
    return {
        "kind": person.kind,
        "identifiers": [{"kind": kind, "value": value} for kind, value in person.person.identifiers()],
        "subject": person.person.subject,
        "known": person.known,
        "members": person.members,
        "owners": person.owners,
        "straddling": person.straddling,
    }


def _located(located: LocatedCopies) -> dict[str, Any]:
    return {
        "held": [
            {"dataset": name, "subject": copy.subject, "items": copy.items, "bytes": copy.bytes}
            for name, copies in located.copies.items()
            for copy in copies
        ],
        "kept": [
            {"dataset": name, "subject": subject, "items": ground.items, "ground": ground.ground, "until": ground.until}
            for name, by in located.kept.items()
            for subject, grounds in by.items()
            for ground in grounds
        ],
        "failed": {name: each.reason for name, each in located.failed.items()},
    }


def _as_it_finds(dataset: str, located: LocatedCopies) -> None:
    """One line of progress for each dataset: a lake takes longer than a table, and somebody is waiting."""
    failed = located.failed.get(dataset)
    items = sum(each.items for each in located.copies.get(dataset, ()))
    output.note(f"{dataset}: {failed.reason.value if failed else output.count(items, 'item')}")


def _show(located: LocatedCopies) -> None:
    from rich.table import Table

    table = Table("dataset", "items", "size", "stays")
    for name in sorted({*located.copies, *located.kept}):
        copies = located.copies.get(name, ())
        stays = "; ".join(
            f"{output.count(each.items, 'item')}: {output.visible(each.ground)}"
            for by in located.kept.get(name, {}).values()
            for each in by
        )
        table.add_row(name, f"{sum(copy.items for copy in copies):,}", output.size(sum(copy.bytes for copy in copies)), stays)
    output.stdout().print(table)
    for name, each in located.failed.items():
        output.say(f"could not look into {name}: {each.reason.value}")
