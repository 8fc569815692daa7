"""Read files of rules: each rule with its name, its reason and its line, and each mistake with the file and the line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import cedarpy

from expunge.core.journal.policy_events import PolicySet
from expunge.core.journal.review_words import DeskAct
from expunge.core.review.policy_rules import PolicyFault, PolicyRule
from expunge.errors import Misconfigured

SUFFIX, SCHEMA = ".cedar", "shipped/desk.cedarschema"
OWN = "own/"
"""What the names of the company's own files begin with."""
NO_PERMIT, FAILED, UNREADABLE, FAULTY = "no-rule-permits", "rule-failed", "question-unreadable", "policies-faulty"
"""Names of reasons that no rule gives."""
_TOKENS = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|;', re.DOTALL)
_NAME = re.compile(r"[a-z][a-z0-9-]{1,60}")
_ATTRIBUTE = re.compile(r"(\w+)\??\s*:")
_COMMENT = re.compile(r"//[^\n]*")
_POLICY = re.compile(r"^for policy `[^`]*`, ")


@dataclass(frozen=True)
class Rules:
    """What a set of files says."""

    rules: tuple[PolicyRule, ...] = ()
    faults: tuple[PolicyFault, ...] = ()
    bodies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """Name of a rule -> the rule in Cedar's JSON form."""

    def require_sound(self) -> None:
        """Raise Misconfigured where there is a mistake, with all of them."""
        if self.faults:
            message = f"the policies of the review desk have a mistake, so nothing is granted: {'; '.join(map(str, self.faults))}"
            raise Misconfigured(message, help="; ".join(dict.fromkeys(fault.mend for fault in self.faults)))


@dataclass(frozen=True)
class _Statement:
    text: str
    line: int


def declared(schema: str) -> frozenset[str]:
    """Return the names of all attributes that a schema declares."""
    return frozenset(_ATTRIBUTE.findall(_COMMENT.sub("", schema)))


def read_rules(policies: PolicySet) -> Rules:
    """Read every rule of a set, and every mistake in it."""
    bodies: dict[str, Mapping[str, Any]] = {}
    faults: list[PolicyFault] = []
    schema = _schema(policies, faults)
    names: dict[str, PolicyRule] = {}
    # Shipped files first: a name that both have was taken by the company's.
    for file, text in sorted(policies.files.items(), key=lambda item: (item[0].startswith(OWN), item[0])):
        if file.endswith(SUFFIX) and schema:
            for statement in _statements(text):
                checked = _checked(statement.text, schema)
                found = _read(file, statement, checked)
                if isinstance(found, PolicyFault):
                    faults.append(found)
                elif found.name in names:
                    other = names[found.name]
                    taken = f"the name {found.name!r} is that of the rule at {other.file}:{other.line}"
                    faults.append(PolicyFault(file, found.line, taken, f'@id("{found.name}-2"), or another name'))
                else:
                    names[found.name] = found
                    bodies[found.name] = checked if isinstance(checked, Mapping) else {}
    if schema and not faults and not any(rule.permits for rule in names.values()):
        faults.append(PolicyFault("shipped", 1, "no rule permits anything", "install the package again"))
    return Rules(tuple(names.values()), tuple(faults), bodies)


def _schema(policies: PolicySet, faults: list[PolicyFault]) -> str:
    """Return the text of the schema; empty, with a fault, where it cannot be read."""
    try:
        schema = policies.files[SCHEMA]
        cedarpy.Schema.from_str(schema)
    except (KeyError, ValueError) as error:
        faults.append(PolicyFault(SCHEMA, 1, f"the schema cannot be read: {error}", "install the package again"))
        return ""
    return schema


def _statements(text: str) -> Iterator[_Statement]:
    """Yield the rules of a file as texts. Cedar says of a mistake what it is, and not where."""
    begin = 0
    for token in _TOKENS.finditer(text):
        if token.group() == ";":
            yield _statement(text, begin, token.end())
            begin = token.end()
    if _COMMENT.sub("", text[begin:]).strip():
        yield _statement(text, begin, len(text))


def _statement(text: str, begin: int, end: int) -> _Statement:
    skipped = re.match(r"(?:\s|//[^\n]*)*", text[begin:end])
    start = begin + (skipped.end() if skipped else 0)
    return _Statement(text[start:end], text.count("\n", 0, start) + 1)


def _read(file: str, statement: _Statement, checked: Mapping[str, Any] | _Mistake) -> PolicyRule | PolicyFault:
    def fault(text: str, mend: str) -> PolicyFault:
        return PolicyFault(file, statement.line, f"the rule that begins here {text}", mend)

    if isinstance(checked, _Mistake):
        return fault(checked.text, checked.mend)
    notes = checked.get("annotations", {})
    name, reason = notes.get("id") or "", notes.get("reason") or ""
    if not _NAME.fullmatch(name) or name in (NO_PERMIT, FAILED, UNREADABLE, FAULTY):
        return fault("has no name", '@id("small-letters-and-hyphens") above it')
    if not reason.strip() or not reason.isprintable():
        return fault(f"has no reason: {name!r}", '@reason("A sentence for the person who is refused.") above it')
    if checked["effect"] == "permit" and file.startswith(OWN):
        return fault(f"permits, and a rule of your own can only refuse: {name!r}", "forbid (principal, action, resource) when { … };")
    return PolicyRule(name, reason, checked["effect"] == "permit", _acts(checked["action"]), file, statement.line)


@dataclass(frozen=True)
class _Mistake:
    text: str
    mend: str


@lru_cache(1024)
def _checked(text: str, schema: str) -> Mapping[str, Any] | _Mistake:
    """Return a rule in Cedar's JSON form once it fits the schema."""
    try:
        bodies = list(json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values())
    except ValueError as error:
        return _Mistake(f"cannot be read: {error}", "write it as the shipped rules are: `expunge access policy show`")
    if len(bodies) != 1:
        return _Mistake("has a slot such as ?principal", "write principal, action, resource")
    checked = cedarpy.validate_policies(text, _parsed(schema))
    if not checked.validation_passed:
        told = "; ".join(dict.fromkeys(_POLICY.sub("", each.error) for each in checked.errors))
        return _Mistake(f"does not fit the schema: {told}", "`expunge access policy show --schema` has every fact")
    body: Mapping[str, Any] = bodies[0]
    return body


@lru_cache(4)
def _parsed(schema: str) -> cedarpy.Schema:
    return cedarpy.Schema.from_str(schema)


def _acts(scope: Mapping[str, Any]) -> frozenset[DeskAct]:
    if scope["op"] == "All":
        return frozenset(DeskAct)
    entities = scope["entities"] if "entities" in scope else [scope["entity"]]
    return frozenset(DeskAct(each["id"]) for each in entities)
