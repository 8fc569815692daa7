"""The key ``mentions`` of a dataset: what an erasure does with cells of other people's rows that name the erased person."""

from __future__ import annotations

from expunge.core.datamap.datamap import Dataset
from expunge.core.datamap.mentions import MentionAct, MentionRule
from expunge.maps.document import words
from expunge.maps.document.draft import MapDraft
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import ScalarNode, TableNode, Value

_INSTEAD = "mentions: {referred_by: null, assignee: {replace: u_deleted}, said: keep}"


def read_mentions(form: Form, value: Value | None, what: str) -> dict[str, MentionRule]:
    """Read the rule of each column; none for those of which a fault was noted."""
    table = form.table(value, what) if value is not None else None
    rules = {column.text: _rule(form, rule, f"{what}.{column.text}") for column, rule in table.entries} if table else {}
    return {column: rule for column, rule in rules.items() if rule is not None}


def _rule(form: Form, value: Value, what: str) -> MentionRule | None:
    if isinstance(value, ScalarNode) and (value.read_as == "null" or value.text == MentionAct.NULL):
        return MentionRule(MentionAct.NULL)
    if isinstance(value, ScalarNode) and value.text == MentionAct.KEEP:
        return MentionRule(MentionAct.KEEP)
    if isinstance(value, TableNode) and [key.text for key, _ in value.entries] == list(words.MENTION):
        instead = form.parsed(value.get(MentionAct.REPLACE), f"{what}.{MentionAct.REPLACE}", "bad-mention", str)
        return MentionRule(MentionAct.REPLACE, instead) if instead else None
    form.faults.add("bad-mention", value.line, f"{what} is none of null, {{replace: VALUE}} and keep", _INSTEAD)
    return None


def check_mentions(draft: MapDraft) -> None:
    """Check that each stated rule can be carried out, as far as the map itself can tell."""
    for name, dataset in draft.datasets.items():
        if not dataset.mentions:
            continue
        what, kind = f"datasets.{name}.mentions", draft.kind_of(dataset)
        line = draft.line("datasets", name, "mentions")
        if kind is not None and not kind.mentions:
            text = f"{what}: a {draft.stores[dataset.store].kind} store cannot look for identifiers in single columns"
            draft.faults.add("bad-mention", line, text, "the dataset without mentions")
        for column, rule in dataset.mentions.items():
            why = _senseless(draft, dataset, column, rule)
            if why:
                at = draft.line("datasets", name, "mentions", column)
                draft.faults.add("bad-mention", at, f"{what}.{column}: {why[0]}", why[1])


def _senseless(draft: MapDraft, dataset: Dataset, column: str, rule: MentionRule) -> tuple[str, str] | None:
    """What is wrong with a rule, and what to write instead."""
    keys = {identity.key for identity in draft.identities.values() if identity.dataset == dataset.name}
    if column in {*dataset.subject_fields, *keys}:
        return "the person's own rows are found by it, and go as a whole", "mentions of other columns alone"
    if rule.releases and not dataset.changes_rows:
        return "only a dataset whose rows an erasure deletes is changed by it", f"mentions: {{{column}: keep}}"
    return None
