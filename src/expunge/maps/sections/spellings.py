"""The comparison of identifiers, as a map declares it: the part of ``identities`` that says which spellings are one person's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from expunge.core.datamap.spelling import OF_TYPE, CaseRule, Spelling, SpellingType, UnicodeForm, default_spelling
from expunge.maps.document import words
from expunge.maps.document.faults import did_you_mean
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import TableNode
from expunge.phones import is_region

_RULE = "bad-compare"


def read_compare(form: Form, table: TableNode, what: str, kind: str, key: str, also: tuple[str, ...]) -> Mapping[str, Spelling]:
    """Return field -> how its values compare, of the fields for which an identity says it: for its key beside it, else in ``compare``."""
    found: dict[str, Spelling] = {}
    if any(table.get(word) is not None for word in words.SPELLING):
        found[key] = _read(form, table, what, default_spelling(kind, key))
    value = table.get("compare")
    inner = form.table(value, f"{what}.compare") if value is not None else None
    for name, entry in inner.entries if inner else ():
        where = f"{what}.compare.{name.text}"
        if name.text not in (key, *also):
            form.faults.add(_RULE, name.line, f"{where}: the identity has no such field", did_you_mean(name.text, (key, *also)))
        elif name.text in found:
            form.faults.add(_RULE, name.line, f"{where}: how the key compares stands twice", "in one place only")
        elif (rules := form.table(entry, where, words.SPELLING)) is not None:
            default = default_spelling(kind, key) if name.text == key else default_spelling(name.text)
            found[name.text] = _read(form, rules, where, default)
    return found


def _read(form: Form, table: TableNode, what: str, default: Spelling) -> Spelling:
    """A rule: what is not said is as its type has it."""
    word = _word(form, table, what, "type", tuple(SpellingType))
    rule = OF_TYPE[SpellingType(word)] if word else default
    if case := _word(form, table, what, "case", tuple(CaseRule)):
        rule = replace(rule, case=CaseRule(case))
        if not rule.has_case:
            form.faults.add(_RULE, table.line_of("case"), f"{what}.case: a {rule.type.value} has no capitals", "no `case:`")
    if unicode := _word(form, table, what, "unicode", tuple(UnicodeForm)):
        rule = replace(rule, form=UnicodeForm(unicode))
    region = form.text(table.get("region"), f"{what}.region")
    if region is not None and rule.type is not SpellingType.PHONE:
        form.faults.add(_RULE, table.line_of("region"), f"{what}.region: only phone numbers have one", "type: phone")
    elif region is not None and not is_region(region):
        text = f"{what}.region: {region!r} is no country with a numbering plan"
        form.faults.add(_RULE, table.line_of("region"), text, "region: GB, two capital letters of ISO 3166-1")
    else:
        rule = replace(rule, region=region or "")
    return rule


def _word(form: Form, table: TableNode, what: str, name: str, known: tuple[str, ...]) -> str:
    word = form.text(table.get(name), f"{what}.{name}")
    if word is None or word in known:
        return word or ""
    form.faults.add(_RULE, table.line_of(name), f"{what}.{name}: {word!r} is none of {', '.join(known)}", did_you_mean(word, known))
    return ""
