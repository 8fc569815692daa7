"""Clocks from files: the shipped ``expunge/clocks/*.yaml`` and a company's own, read with every fault explained."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from expunge.core.datamap.clocks import Bound, ClockBranch, ClockRule, Extension, Length
from expunge.core.values.periods import parse_period
from expunge.errors import Misconfigured
from expunge.maps.document.faults import RULES, FaultCollector, MapFaults
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import MAX_BYTES, ListNode, ScalarNode, TableNode, Value, load

FILE = ("law", "clocks", "zone", "holidays", "standard")
CLOCK = ("duty", "source", "applies", "within", "from", "any", "bound", "extended", "not_before", "again", "zone")
BRANCH = ("within", "from")
EXTENSION = ("by", "notice")
_BUSINESS = re.compile(r"([1-9][0-9]{0,3}) business days?")


def shipped_clocks() -> dict[str, ClockRule]:
    """The clocks that come with Expunge, by name."""
    return dict(_shipped())


@cache
def _shipped() -> dict[str, ClockRule]:
    folder = files("expunge").joinpath("clocks")
    found = sorted((path for path in folder.iterdir() if path.name.endswith(".yaml")), key=lambda each: each.name)
    return _together(_read(each.name, each.read_bytes()) for each in found)


def read_clocks(paths: Iterable[Path]) -> dict[str, ClockRule]:
    """Clocks of files of one's own. Raises MapFaults with everything that is wrong, Misconfigured when a file cannot be read."""
    return _together(_read(str(path), _bytes(path)) for path in paths)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"the clock file {path} cannot be read: {error.strerror}"
        raise Misconfigured(message, help="`clocks:` of the map names laws that are shipped, and files of your own") from error


def _together(parts: Iterable[dict[str, ClockRule]]) -> dict[str, ClockRule]:
    rules: dict[str, ClockRule] = {}
    for part in parts:
        twice = sorted(rules.keys() & part.keys())
        if twice:
            message = f"two files have a clock {twice[0]!r}"
            raise Misconfigured(message, help="give each clock a name of its own")
        rules |= part
    return rules


def _read(name: str, data: bytes) -> dict[str, ClockRule]:
    faults = FaultCollector(name, rules=(*RULES, "bad-clock"))
    root = load(data, faults)
    form = Form(faults, {})
    table = form.table(root, "the clock file", FILE, ("law", "clocks")) if root is not None else None
    rules: dict[str, ClockRule] = {}
    if table is not None:
        law = form.text(table.get("law"), "law") or ""
        zone = form.parsed(table.get("zone"), "zone", "bad-clock", _zone) or "UTC"
        holidays = _holidays(form, table.get("holidays"))
        standard = form.texts(table.get("standard"), "standard", one_is_enough=True)
        for key, value in form.named(table, "clocks"):
            rule = _rule(form, law, zone, holidays, key, value, standard=key.text in standard)
            if rule is not None:
                rules[rule.name] = rule
    if found := faults.sorted():
        raise MapFaults(found)
    return rules


def _rule(form: Form, law: str, zone: str, holidays: frozenset[date], key: ScalarNode, value: Value, *, standard: bool) -> ClockRule | None:
    what = f"clocks.{key.text}"
    table = form.table(value, what, CLOCK, ("duty", "source", "applies"))
    if table is None:
        return None
    branches = _branches(form, table, what)
    if not branches:
        return None
    bound = form.parsed(table.get("bound"), f"{what}.bound", "bad-clock", _bound) or Bound.EARLIEST
    again = form.parsed(table.get("again"), f"{what}.again", "bad-period", parse_length)
    return ClockRule(
        name=key.text,
        law=law,
        duty=form.text(table.get("duty"), f"{what}.duty") or "",
        source=form.text(table.get("source"), f"{what}.source") or "",
        applies=frozenset(form.texts(table.get("applies"), f"{what}.applies", one_is_enough=True)),
        branches=branches,
        bound=bound,
        extension=_extension(form, table.get("extended"), f"{what}.extended"),
        floor=_branch(form, floor, f"{what}.not_before") if (floor := table.get("not_before")) is not None else None,
        again=again,
        zone=form.parsed(table.get("zone"), f"{what}.zone", "bad-clock", _zone) or zone,
        holidays=holidays,
        standard=standard,
    )


def _branches(form: Form, table: TableNode, what: str) -> tuple[ClockBranch, ...]:
    several = table.get("any")
    if several is None:
        branch = _branch(form, table, what, whole=True)
        return (branch,) if branch else ()
    if table.get("within") is not None or table.get("from") is not None:
        form.faults.add("bad-clock", table.line, f"{what} has `any` beside `within` or `from`", "any: [{within: 30 days, from: received}]")
    if not isinstance(several, ListNode) or len(several.items) < 2:
        form.faults.add("bad-clock", several.line, f"{what}.any is no list of two branches or more", "any: [{within: …, from: …}, {…}]")
        return ()
    read = [_branch(form, item, f"{what}.any") for item in several.items]
    return tuple(each for each in read if each is not None)


def _branch(form: Form, value: Value, what: str, *, whole: bool = False) -> ClockBranch | None:
    table = form.table(value, what, None if whole else BRANCH, BRANCH)
    if table is None:
        return None
    start = form.text(table.get("from"), f"{what}.from")
    within = form.parsed(table.get("within"), f"{what}.within", "bad-period", parse_length)
    return ClockBranch(start, within) if start and within else None


def _extension(form: Form, value: Value | None, what: str) -> Extension | None:
    table = form.table(value, what, EXTENSION, EXTENSION) if value is not None else None
    if table is None:
        return None
    by = form.parsed(table.get("by"), f"{what}.by", "bad-period", parse_length)
    notice = form.text(table.get("notice"), f"{what}.notice")
    return Extension(by, notice) if by and notice else None


def _holidays(form: Form, value: Value | None) -> frozenset[date]:
    if value is None:
        return frozenset()
    if not isinstance(value, ListNode):
        form.faults.add("bad-clock", value.line, "holidays is no list of dates", 'holidays: ["2026-12-25"]')
        return frozenset()
    read = [form.parsed(item, "holidays", "bad-date", date.fromisoformat) for item in value.items]
    return frozenset(each for each in read if each is not None)


def parse_length(text: str) -> Length:
    """Read ``45 days``, ``1 month``, ``10 business days``. Raises ValueError with what to write."""
    found = _BUSINESS.fullmatch(text)
    if found:
        return Length(business_days=int(found[1]))
    return Length(parse_period(text))


def _bound(text: str) -> Bound:
    if text not in {each.value for each in Bound}:
        message = "write `earliest` or `latest`"
        raise ValueError(message)
    return Bound(text)


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = "write the name of a time zone, such as Europe/Berlin"
        raise ValueError(message) from error
    return text
