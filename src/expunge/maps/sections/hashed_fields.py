"""The key ``spelling`` of a dataset: which of its subject fields hold hashes of identifiers, and how these are made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from expunge.core.datamap.datamap import ByField, ReferenceData, SubjectRule
from expunge.core.values.hashed_identifiers import HashAlgorithm, HashedField, HashRule, SecretPlace
from expunge.maps.document import words
from expunge.maps.document.draft import MapDraft
from expunge.maps.document.faults import did_you_mean
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import ScalarNode, TableNode, Value

_RULE = "bad-spelling"
_INSTEAD = 'spelling: {email_sha256: sha256}, or {ad_id: {hmac-sha256: "${AD_KEY}"}}, or {ad_id: {sha256: {prefix: "${AD_SALT}"}}}'
_VARIABLE = re.compile(r"\$\{[^}]*\}")
_SHORTEST = 8
"""Characters of a secret: whoever has the hashes tries shorter ones."""


def read_hashed(form: Form, table: TableNode, subject: SubjectRule, what: str) -> SubjectRule:
    """Return the subject rule with the fields apart that hold hashes, as ``spelling`` says."""
    value = table.get("spelling")
    if value is None or isinstance(subject, ReferenceData):
        # Why also those: what an entry about nobody may say is told where it is read.
        return subject
    where = f"{what}.spelling"
    if not isinstance(subject, ByField) or not subject.names:
        form.faults.add(_RULE, value.line, f"{where}: no field of the dataset names its people", "subject: {KIND: FIELD} beside it")
        return subject
    rules = _rules(form, value, subject, where)
    pairs = [(kind, name) for kind, name in subject.pairs() if name not in rules]
    hashed = tuple(HashedField(kind, name, rules[name]) for kind, name in subject.pairs() if name in rules)
    by_kind: dict[str, tuple[str, ...]] = {}
    for kind, name in pairs:
        by_kind[kind] = (*by_kind.get(kind, ()), name)
    further = {kind: names[1:] for kind, names in by_kind.items() if names[1:]}
    return replace(subject, fields={kind: names[0] for kind, names in by_kind.items()}, also=further, hashed=hashed)


def _rules(form: Form, value: Value, subject: ByField, where: str) -> Mapping[str, HashRule]:
    """Field -> how its hashes are made; one rule without a name of a field is that of every subject field."""
    if not isinstance(value, TableNode) or (len(value.entries) == 1 and _is_rule(value, subject)):
        rule = _rule(form, value, where)
        return dict.fromkeys(subject.names, rule) if rule is not None else {}
    found: dict[str, HashRule] = {}
    for name, each in value.entries:
        if name.text not in subject.names:
            text = f"{where}.{name.text}: the subject has no such field"
            form.faults.add(_RULE, name.line, text, did_you_mean(name.text, subject.names))
        elif (rule := _rule(form, each, f"{where}.{name.text}")) is not None:
            found[name.text] = rule
    return found


def _is_rule(value: TableNode, subject: ByField) -> bool:
    (name, _), *_ = value.entries
    return name.text in {*words.HASHES, *words.HMACS} and name.text not in subject.names


def _rule(form: Form, value: Value, where: str) -> HashRule | None:
    if isinstance(value, ScalarNode) and value.text in words.HASHES:
        return HashRule(HashAlgorithm(value.text))
    if isinstance(value, TableNode) and len(value.entries) == 1:
        (word, inner), *_ = value.entries
        if word.text in words.HMACS:
            return _with_secret(form, inner, f"{where}.{word.text}", word.text.removeprefix("hmac-"), SecretPlace.KEY)
        if word.text in words.HASHES and isinstance(inner, TableNode) and [key.text in words.SALT for key, _ in inner.entries] == [True]:
            (place, salt), *_ = inner.entries
            return _with_secret(form, salt, f"{where}.{word.text}.{place.text}", word.text, SecretPlace(place.text))
    known = (*words.HASHES, *words.HMACS)
    if isinstance(value, ScalarNode) and value.text in words.HMACS:
        text = f"{where}: {value.text} needs the key that the hashes are made with"
        form.faults.add(_RULE, value.line, text, f'{{{value.text}: "${{AD_KEY}}"}}')
    elif isinstance(value, ScalarNode):
        text = f"{where}: {value.text!r} is none of {', '.join(known)}"
        form.faults.add(_RULE, value.line, text, did_you_mean(value.text, known))
    else:
        form.faults.add(_RULE, value.line, f"{where}: not a way of making hashes", _INSTEAD)
    return None


def _with_secret(form: Form, value: Value, where: str, algorithm: str, place: SecretPlace) -> HashRule | None:
    """A rule with a secret, which comes from the environment: the map lies in a repository."""
    if isinstance(value, ScalarNode) and not _VARIABLE.search(value.text):
        form.faults.add(_RULE, value.line, f"{where}: the secret itself stands in the map", '"${AD_KEY}", filled from the environment')
        return None
    secret = form.filled(value, where)
    if secret is None:
        return None
    if len(secret) < _SHORTEST:
        text = f"{where}: the secret has fewer than {_SHORTEST} characters"
        form.faults.add(_RULE, value.line, text, "the whole salt or key that the hashes are made with")
        return None
    return HashRule(HashAlgorithm(algorithm), place, secret)


def check_hashed(draft: MapDraft) -> None:
    """Check that each hashed field holds content of its own, and is none by which an identity lists its people."""
    for name, dataset in draft.datasets.items():
        if not isinstance(dataset.subject, ByField) or not dataset.subject.hashed:
            continue
        line, what = draft.line("datasets", name, "spelling"), f"datasets.{name}.spelling"
        listed = {each for one in draft.identities.values() if one.dataset == name for each in (one.key, *one.also)}
        for each in dataset.subject.hashed:
            if each.name in listed:
                text = f"{what}: {each.name} is a field by which an identity lists its people: nothing can be read out of a hash"
                draft.faults.add(_RULE, line, text, "an identity whose dataset holds the identifiers as they are")
        if dataset.store in draft.stores and draft.stores[dataset.store].kind == "vault":
            text = f"{what}: a vault's recordings are sealed under the identifiers of their people as they are"
            draft.faults.add(_RULE, line, text, "the dataset without spelling")
