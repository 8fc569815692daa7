"""Read an order of destruction and report all its faults at once, each with its line and the correction. Return valid orders only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from expunge.core.datamap.artefact import ArtefactKind, Cohort
from expunge.core.disgorgement.disgorgement import (
    EVERYBODY,
    CoveredData,
    Direction,
    Disgorgement,
    Exemption,
    Limb,
    LimbDeadline,
    LimbRecipient,
    StatementDuty,
    Trigger,
)
from expunge.core.values.periods import Period, parse_period
from expunge.errors import Misconfigured
from expunge.maps.destruction import rules, words
from expunge.maps.document.faults import FaultCollector, MapFault, did_you_mean
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import MAX_BYTES, ListNode, ScalarNode, TableNode, Value, load
from expunge.maps.sections import artefacts

_NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""Stands where a noted fault leaves a date unknown; an order with faults is never handed out."""


class OrderFaults(Misconfigured):
    """An order that cannot be used, with everything that is wrong in it."""

    def __init__(self, faults: Sequence[MapFault]) -> None:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        lines = "\n".join(str(fault) for fault in faults)
        super().__init__(f"the order has {count}\n{lines}", help="mend these lines and give the file again")
        self.faults = tuple(faults)


def read_order(path: Path) -> Disgorgement:
    """Read an order that must be sound.

    Raises:
        OrderFaults: with everything that is wrong in it.
        Misconfigured: when the file cannot be opened.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"the order {path} cannot be read: {error.strerror}"
        raise Misconfigured(message, help="give the path of a file such as orders/NAME.yaml") from error
    faults = FaultCollector(str(path), rules=words.RULES)
    root = load(data, faults)
    form = Form(faults, {})
    table = form.table(root, "the order", words.ORDER, words.REQUIRED) if root is not None else None
    order = _order(form, table) if table is not None else None
    if order is None or faults.found:
        raise OrderFaults(faults.sorted())
    return order


def _order(form: Form, root: TableNode) -> Disgorgement:
    version = root.get("version")
    if version is not None and not (isinstance(version, ScalarNode) and version.text == "1"):
        form.faults.add("bad-version", version.line, "this version of Expunge reads orders of version 1", "version: 1")
    texts = {key: form.text(root.get(key), key) or "" for key in ("name", "authority", "docket", "source")}
    covered = _covered(form, root.get("covered"), "covered") or CoveredData()
    named = form.parsed(root.get("zone"), "zone", "bad-zone", _zone) if root.get("zone") is not None else None
    zone = ZoneInfo(named) if named else UTC
    entered = artefacts.read_date(form, root.get("entered"), "entered", zone) or _NEVER
    order = Disgorgement(
        **texts,
        facts=form.texts(root.get("facts"), "facts"),
        entered=entered,
        limbs=tuple(_limbs(form, root, covered, zone)),
        exemptions=tuple(_exemptions(form, root, zone)),
        recipients=tuple(_recipients(form, root)),
        sworn=_sworn(form, root),
        zone=named or "",
    )
    rules.check(form.faults, root, order)
    return order


def _zone(text: str) -> str:
    """The name of a time zone. Raises ValueError."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = "write the name of a time zone, such as America/Los_Angeles"
        raise ValueError(message) from error
    return text


def _limbs(form: Form, root: TableNode, covered: CoveredData, zone: tzinfo) -> list[Limb]:
    found = []
    for name, value in form.named(root, "limbs"):
        what = f"limbs.{name.text}"
        table = form.table(value, what, words.LIMB, words.LIMB_REQUIRED)
        if table is None:
            continue
        found.append(
            Limb(
                name=name.text,
                provision=form.text(table.get("provision"), f"{what}.provision") or "",
                takes=_kinds(form, table.get("takes"), f"{what}.takes"),
                direction=Direction(_word(form, table, what, "direction", words.DIRECTIONS)),
                trigger=Trigger(_word(form, table, what, "trigger", words.TRIGGERS)),
                covered=_covered(form, table.get("covered"), f"{what}.covered") or covered,
                subjects=_subjects(form, table.get("subjects"), f"{what}.subjects"),
                since=artefacts.read_date(form, table.get("since"), f"{what}.since", zone),
                until=artefacts.read_date(form, table.get("before"), f"{what}.before", zone),
                clocks=_clocks(form, table.get("clocks"), f"{what}.clocks"),
                infeasible=form.text(table.get("infeasible"), f"{what}.infeasible") or "",
                counts=form.texts(table.get("counts"), f"{what}.counts"),
                where=_where(form, table.get("where"), f"{what}.where"),
                unused_for=form.parsed(table.get("unused_for"), f"{what}.unused_for", "bad-period", parse_period),
            )
        )
    return found


def _where(form: Form, value: Value | None, what: str) -> dict[str, dict[str, frozenset[str]]]:
    table = form.table(value, what) if value is not None else None
    return {name.text: artefacts.read_values(form, each, f"{what}.{name.text}") for name, each in (table.entries if table else ())}


def _covered(form: Form, value: Value | None, what: str) -> CoveredData | None:
    table = form.table(value, what, words.COVERED) if value is not None else None
    if table is None:
        return None
    kinds = _kinds(form, table.get("kinds"), f"{what}.kinds")
    categories = form.texts(table.get("categories"), f"{what}.categories", one_is_enough=True)
    for category in categories:
        if not category.startswith(("user", "system")):
            text = f"{what}.categories: {category!r} is no Fideslang category"
            form.faults.add("bad-category", table.line_of("categories"), text, "categories: [user.biometrics.voice]")
    return CoveredData(kinds or (ArtefactKind.RAW,), categories)


def _subjects(form: Form, value: Value | None, what: str) -> str | Cohort:
    if isinstance(value, TableNode):
        return artefacts.read_cohort(form, value, what, "chooses-nobody") or EVERYBODY
    return form.text(value, what) or EVERYBODY


def _kinds(form: Form, value: Value | None, what: str) -> tuple[ArtefactKind, ...]:
    items = value.items if isinstance(value, ListNode) else ()
    found = form.texts(value, what)
    for item in items:
        form.parsed(item, what, "bad-kind", artefacts.parse_kind)
    return tuple(ArtefactKind(each) for each in found if each in set(ArtefactKind))


def _word(form: Form, table: TableNode, what: str, key: str, known: tuple[str, ...]) -> str:
    text = form.text(table.get(key), f"{what}.{key}")
    if text is not None and text not in known:
        form.faults.add(
            "bad-word", table.line_of(key), f"{what}.{key}: {text!r} is not one of {', '.join(known)}", did_you_mean(text, known)
        )
    return text if text in known else known[0]


def _clocks(form: Form, value: Value | None, what: str) -> dict[str, LimbDeadline]:
    table = form.table(value, what) if value is not None else None
    clocks = {}
    for name, entry in table.entries if table else ():
        inner = form.table(entry, f"{what}.{name.text}", words.CLOCK, ("within",)) if isinstance(entry, TableNode) else None
        within, of = (inner.get("within"), inner.get("of")) if inner else (entry, None)
        period = form.parsed(within, f"{what}.{name.text}", "bad-period", parse_period)
        start = form.text(of, f"{what}.{name.text}.of") if of is not None else words.ENTRY
        clocks[name.text] = LimbDeadline(period or Period(days=1), start or words.ENTRY)
    return clocks


def _exemptions(form: Form, root: TableNode, zone: tzinfo) -> list[Exemption]:
    found = []
    for name, value in form.named(root, "exemptions"):
        what = f"exemptions.{name.text}"
        table = form.table(value, what, words.EXEMPTION, words.EXEMPTION_REQUIRED)
        if table is None:
            continue
        found.append(
            Exemption(
                name=name.text,
                ground=form.text(table.get("ground"), f"{what}.ground") or "",
                authority=form.text(table.get("authority"), f"{what}.authority") or "",
                limbs=form.texts(table.get("limbs"), f"{what}.limbs"),
                kinds=_kinds(form, table.get("kinds"), f"{what}.kinds") or tuple(ArtefactKind),
                since=artefacts.read_date(form, table.get("since"), f"{what}.since", zone),
                until=artefacts.read_date(form, table.get("until"), f"{what}.until", zone),
            )
        )
    return found


def _recipients(form: Form, root: TableNode) -> list[LimbRecipient]:
    found = []
    for name, value in form.named(root, "recipients"):
        what = f"recipients.{name.text}"
        table = form.table(value, what, words.RECIPIENT, ("limbs",))
        if table is None:
            continue
        found.append(
            LimbRecipient(
                name=name.text,
                limbs=form.texts(table.get("limbs"), f"{what}.limbs"),
                kinds=_kinds(form, table.get("kinds"), f"{what}.kinds"),
                given_by=form.text(table.get("given_by"), f"{what}.given_by") or "",
                clocks=_clocks(form, table.get("clocks"), f"{what}.clocks"),
                blocked=_truth(form, table.get("blocked"), f"{what}.blocked", default=True),
            )
        )
    return found


def _sworn(form: Form, root: TableNode) -> StatementDuty | None:
    value = root.get("statement")
    table = form.table(value, "statement", words.STATEMENT, ("by",)) if value is not None else None
    if table is None:
        return None
    penalty = _truth(form, table.get("penalty"), "statement.penalty", default=True)
    return StatementDuty(form.text(table.get("by"), "statement.by") or "", penalty, _clocks(form, table.get("clocks"), "statement.clocks"))


def _truth(form: Form, value: Value | None, what: str, *, default: bool) -> bool:
    if value is None:
        return default
    if not isinstance(value, ScalarNode) or value.text not in {"true", "false"}:
        form.faults.add("bad-word", value.line, f"{what} is neither true nor false", f"{what.rsplit('.', 1)[-1]}: true")
        return default
    return value.text == "true"
