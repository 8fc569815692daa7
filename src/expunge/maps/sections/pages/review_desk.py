"""The section ``review`` of a map: how staff come to see or hear a recording."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from expunge.core.accounts.mail_addresses import is_address
from expunge.core.accounts.review_spec import LONGEST_LEASE, LONGEST_TRAINING, CameraPlace, LiveSpec, ReviewLimits, ReviewSpec, WorkingHours
from expunge.core.journal.review_words import Room
from expunge.core.values.periods import parse_span
from expunge.maps.document import words
from expunge.maps.document.draft import MapDraft
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import TableNode, Value
from expunge.ports.store_kind import absolute

RULE = "bad-review-desk"
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])")
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
_MIDNIGHT = 24 * 60
_NETWORKS = "networks: {office: [10.0.0.0/8, 2001:db8::/32]}"


def read_review(form: Form, root: TableNode, folder: Path) -> ReviewSpec | None:
    """The section ``review``; None without it: then no member of staff sees or hears a recording."""
    value = root.get("review")
    table = form.table(value, "review", words.REVIEW) if value is not None else None
    if table is None:
        return None
    networks = dict(_networks(form, table))
    policies = form.text(table.get("policies"), "review.policies")
    noticing = form.text(table.get("noticing"), "review.noticing")
    return ReviewSpec(
        limits=_limits(form, table, tuple(sorted(networks))),
        networks=networks,
        answer_within=_span(form, table, "answer_within", ReviewSpec().answer_within, (_DAY, timedelta(days=30))),
        children=form.texts(table.get("children"), "review.children", one_is_enough=True),
        cameras=dict(_cameras(form, table)),
        live=_live(form, table),
        policies=absolute(folder, policies) if policies else "",
        noticing=absolute(folder, noticing) if noticing else "",
        officer=_officer(form, table),
        line=table.line,
    )


def _officer(form: Form, table: TableNode) -> str:
    value = table.get("officer")
    address = form.text(value, "review.officer") or ""
    if value is not None and address and not is_address(address):
        form.faults.add(RULE, value.line, "review.officer is no mail address", "officer: privacy@example.com")
    return address


def check_review(draft: MapDraft, spec: ReviewSpec | None) -> None:
    """Check that the section names datasets of the map, and fields that they have."""
    if spec is None:
        return
    named = [("children", name) for name in spec.children] + [("cameras", name) for name in spec.cameras]
    named += [("live", name) for name in spec.live.streams]
    for key, name in named:
        line = draft.line("review", key, name) or draft.line("review", key) or spec.line
        if not draft.known("unknown-dataset", name, draft.datasets, line, "review.live.streams" if key == "live" else f"review.{key}"):
            continue
        place = spec.cameras.get(name) if key == "cameras" else None
        if place is not None and place.field and not draft.has_field(name, place.field):
            text = f"review.cameras.{name}: the path of {name!r} has no {{{place.field}}}"
            draft.faults.add(RULE, line, text, f"{name}: {{room: indoor}}, or a field of it")


def _limits(form: Form, table: TableNode, networks: tuple[str, ...]) -> ReviewLimits:
    least = ReviewLimits()
    lease = _span(form, table, "lease", least.lease_minutes * _MINUTE, (_MINUTE, LONGEST_LEASE))
    return ReviewLimits(
        lease_minutes=lease // _MINUTE,
        range_seconds=_seconds(form, table, "range", least.range_seconds, LONGEST_LEASE),
        training_days=_span(form, table, "training", LONGEST_TRAINING, (_DAY, LONGEST_TRAINING)).days,
        attestation_days=_span(form, table, "attestation", least.attestation_days * _DAY, (_DAY, LONGEST_TRAINING)).days,
        login_seconds=_seconds(form, table, "login", least.login_seconds, _DAY),
        fresh_login_seconds=_seconds(form, table, "fresh_login", least.fresh_login_seconds, timedelta(hours=1)),
        daily_seconds=_seconds(form, table, "each_day", least.daily_seconds, timedelta(hours=8)),
        hours=_hours(form, table.get("hours")),
        networks=networks,
    )


def _seconds(form: Form, table: TableNode, key: str, default: int, most: timedelta) -> int:
    return int(_span(form, table, key, timedelta(seconds=default), (_MINUTE, most)).total_seconds())


def _span(form: Form, table: TableNode, key: str, default: timedelta, bounds: tuple[timedelta, timedelta]) -> timedelta:
    least, most = bounds

    def parse(text: str) -> timedelta:
        span = parse_span(text)
        if not least <= span <= most:
            message = f"{key}: from {_said(least)} to {_said(most)}"
            raise ValueError(message)
        return span

    return form.parsed(table.get(key), f"review.{key}", "bad-span", parse) or default


def _said(span: timedelta) -> str:
    count, unit = (span.days, "day") if span.days else (span // _MINUTE, "minute")
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _hours(form: Form, value: Value | None) -> WorkingHours:
    table = form.table(value, "review.hours", words.REVIEW_HOURS) if value is not None else None
    usual = WorkingHours()
    if table is None:
        return usual

    def parsed(key: str, parse: Callable[[str], int], default: int) -> int:
        found = form.parsed(table.get(key), f"review.hours.{key}", RULE, parse)
        return default if found is None else found

    first, last = parsed("from", _time, usual.first), parsed("until", _time, usual.last)
    if first >= last:
        form.faults.add(RULE, table.line, "review.hours: the day ends before it begins", 'hours: {from: "08:00", until: "18:00"}')
    zone = form.parsed(table.get("zone"), "review.hours.zone", RULE, _zone) or usual.zone
    return WorkingHours(_days(form, table.get("days")) or usual.days, first, last, zone)


def _days(form: Form, value: Value | None) -> tuple[int, ...]:
    named = form.texts(value, "review.hours.days", one_is_enough=True)
    strange = [day for day in named if day.lower() not in _DAYS]
    if strange and value is not None:
        form.faults.add(RULE, value.line, f"review.hours.days: {strange[0]!r} is no day of the week", f"days: [{', '.join(_DAYS[:5])}]")
    return tuple(sorted(_DAYS.index(day.lower()) + 1 for day in named if day.lower() in _DAYS))


def _time(text: str) -> int:
    found = _TIME.fullmatch(text)
    minute = int(found[1]) * 60 + int(found[2]) if found else _MIDNIGHT + 1
    if minute > _MIDNIGHT:
        raise ValueError('"08:00", with quotes; midnight at the end of the day is "24:00"')
    return minute


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("zone: Europe/Berlin, a name of the IANA time zone database") from error
    return text


def _networks(form: Form, table: TableNode) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, value in form.named(table, "networks") if table.get("networks") is not None else ():
        found = []
        for text in form.texts(value, f"review.networks.{name.text}", one_is_enough=True):
            try:
                found.append(str(ipaddress.ip_network(text)))
            except ValueError:
                form.faults.add("bad-network", value.line, f"review.networks.{name.text}: {text!r} is no network", _NETWORKS)
        yield name.text, tuple(found)


def _cameras(form: Form, table: TableNode) -> Iterator[tuple[str, CameraPlace]]:
    for name, value in form.named(table, "cameras") if table.get("cameras") is not None else ():
        what = f"review.cameras.{name.text}"
        entry = form.table(value, what, words.CAMERA)
        if entry is None:
            continue
        room = form.parsed(entry.get("room"), f"{what}.room", RULE, _room) or ""
        field = form.text(entry.get("field"), f"{what}.field") or ""
        if bool(room) == bool(field) and len(entry.entries) != 1:
            text = f"{what} says neither a room nor a field, or both"
            form.faults.add(RULE, entry.line, text, f"{name.text}: {{room: outdoor}}, or {{field: camera_name}}")
        yield name.text, CameraPlace(room, field)


def _live(form: Form, table: TableNode) -> LiveSpec:
    value = table.get("live")
    entry = form.table(value, "review.live", words.LIVE) if value is not None else None
    if entry is None:
        return LiveSpec()
    streams = form.texts(entry.get("streams"), "review.live.streams", one_is_enough=True)

    def parse(text: str) -> timedelta:
        span = parse_span(text)
        if not _MINUTE <= span <= _DAY:
            raise ValueError("within: from 1 minute to 1 day")
        return span

    return LiveSpec(tuple(sorted(streams)), form.parsed(entry.get("within"), "review.live.within", "bad-span", parse))


def _room(text: str) -> str:
    if text not in tuple(Room):
        message = f"room: {', '.join(Room)}"
        raise ValueError(message)
    return text
