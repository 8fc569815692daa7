"""The rules between the parts of an order: possible windows, limbs that fit, recipients in a line, exemptions side by side."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from expunge.core.disgorgement.disgorgement import EVERYBODY, Direction, Disgorgement, Exemption, Limb, Trigger
from expunge.maps.document.faults import FaultCollector, did_you_mean
from expunge.maps.document.nodes import TableNode, Value


def check(faults: FaultCollector, root: TableNode, order: Disgorgement) -> None:
    """Check that the parts of an order fit together; note the faults."""
    if not order.limbs:
        faults.add(
            "no-limbs", root.line_of("limbs"), "the order takes nothing: it has no limbs", "limbs: {recordings: {provision: II.A.1, ...}}"
        )
    for limb in order.limbs:
        _check_limb(faults, _at(root, "limbs", limb.name), limb, order)
    known = {limb.name for limb in order.limbs}
    for section, entries in (("exemptions", order.exemptions), ("recipients", order.recipients)):
        for entry in entries:
            for name in entry.limbs:
                if name not in known:
                    text = f"{section}.{entry.name} names the limb {name!r}, which the order has not"
                    faults.add("unknown-limb", _at(root, section, entry.name), text, did_you_mean(name, known))
    _check_exemptions(faults, root, order)
    _check_recipients(faults, root, order)


def _at(root: TableNode, section: str, name: str, key: str = "") -> int:
    """The line of an entry, or of one key of it."""
    value: Value | None = root.get(section)
    line = root.line_of(section)
    for part in (name, key):
        if part and isinstance(value, TableNode):
            line, value = value.line_of(part), value.get(part)
    return line


def _check_limb(faults: FaultCollector, line: int, limb: Limb, order: Disgorgement) -> None:
    what = f"limbs.{limb.name}"
    if limb.since and limb.until and limb.since >= limb.until:
        text = f"{what}: nothing lies from {limb.since.date()} on and before {limb.until.date()}"
        faults.add("impossible-window", line, text, f'since: a date earlier than "{limb.until.date()}"')
    elif limb.since and limb.direction is Direction.RETROACTIVE and limb.since >= order.entered:
        text = f"{what}: it looks back, and begins on {limb.since.date()}, when the order had been entered"
        faults.add("impossible-window", line, text, "direction: forward, or a date before the order")
    if limb.trigger is Trigger.USED and set(limb.takes) & set(limb.covered.kinds):
        both = ", ".join(sorted(set(limb.takes) & set(limb.covered.kinds)))
        text = f"{what}: what was made with the covered data goes, not the data itself ({both})"
        faults.add("used-takes-covered", line, text, "trigger: collected, or takes: [model, algorithm]")
    if limb.where and (limb.subjects != EVERYBODY or limb.unused_for):
        text = f"{what}: items are chosen by what they say or by whose they are, not by both"
        faults.add("where-of-some", line, text, "subjects: all without unused_for, or no `where`")
    if any(len(fields) != 1 or not all(fields.values()) for fields in limb.where.values()):
        text = f"{what}.where: one field with values for each dataset"
        faults.add("where-of-some", line, text, "where: {visits: {place_kind: [clinic, shelter]}}")
    if limb.trigger is Trigger.REVIEWED and (limb.subjects != EVERYBODY or limb.unused_for):
        text = f"{what}: what was reviewed is found by the reviews, whoever is in it"
        faults.add("reviewed-of-some", line, text, "subjects: all")


def _check_exemptions(faults: FaultCollector, root: TableNode, order: Disgorgement) -> None:
    takes = {limb.name: set(limb.takes) for limb in order.limbs}
    for exemption in order.exemptions:
        line = _at(root, "exemptions", exemption.name)
        if exemption.since and exemption.until and exemption.since >= exemption.until:
            text = f"exemptions.{exemption.name} is over before it begins"
            faults.add("impossible-window", line, text, "until: a later date, or none where the order names none")
        if all(takes.get(limb) for limb in exemption.limbs) and not any(takes[limb] & set(exemption.kinds) for limb in exemption.limbs):
            text = f"exemptions.{exemption.name} lets nothing stay: its limbs take none of those kinds"
            faults.add("exemption-of-nothing", line, text, "kinds: those that a limb takes")
    for one, other in combinations(order.exemptions, 2):
        common = set(one.kinds) & set(other.kinds) & {kind for limb in set(one.limbs) & set(other.limbs) for kind in takes.get(limb, ())}
        if common and _meet(one, other):
            text = f"exemptions.{other.name} and exemptions.{one.name} both keep {', '.join(sorted(common))} at one time: which ends it?"
            instead = "one of them, or kinds and dates that do not meet"
            faults.add("overlapping-exemptions", _at(root, "exemptions", other.name), text, instead)


def _meet(one: Exemption, other: Exemption) -> bool:
    """Whether their times have an instant in common."""
    first = one.until is None or other.since is None or other.since < one.until
    second = other.until is None or one.since is None or one.since < other.until
    return first and second


def _check_recipients(faults: FaultCollector, root: TableNode, order: Disgorgement) -> None:
    givers = {recipient.name: recipient.given_by for recipient in order.recipients}
    for name, giver in givers.items():
        line = _at(root, "recipients", name, "given_by")
        if giver and giver not in givers:
            text = f"recipients.{name} was given it by {giver!r}, who is no recipient"
            faults.add("unknown-recipient", line, text, f"given_by: {_others(givers, name)}, or without it where we gave it")
        chain = [name]
        while (giver := givers.get(chain[-1], "")) in givers and giver not in chain:
            chain.append(giver)
        if giver == name == min(chain):
            text = f"recipients gave it to one another in a circle: {' <- '.join([*chain, name])}"
            faults.add("circular-recipients", line, text, "given_by in one direction; somebody had it from us")


def _others(givers: Iterable[str], name: str) -> str:
    return ", ".join(sorted(set(givers) - {name})) or "a recipient of this order"
