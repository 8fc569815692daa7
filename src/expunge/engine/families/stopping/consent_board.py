"""The consent board of one person: each purpose of the map as it stands, in the words that were agreed to. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from expunge.core.consent import consent_events as ce
from expunge.core.consent.board import BoardEntry, BoardRecipient, BoardSwitch, Consequence, Speaker
from expunge.core.consent.consent import ConsentAnswer, Consents, LastDecision, consented
from expunge.core.consent.consent_rules import lacks
from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.datamap.purposes import Ground, Purpose
from expunge.core.retention.retention_rules import learnt_from
from expunge.core.values.ids import Pseudonym
from expunge.engine.consent import consent_decisions, disclosure_texts
from expunge.engine.gate import consent_register
from expunge.engine.kernel.context import Context
from expunge.engine.recipients import instructions
from expunge.errors import Misconfigured, UsageError


def board(context: Context, subject: Pseudonym, account: str) -> tuple[BoardSwitch, ...]:
    """Return a switch for each purpose of the map, in the map's order, as one account of the family is told; without the gate's answer.

    Args:
        context: the composition.
        subject: the person.
        account: the account that looks.
    """
    consents = consent_register.load(context)
    return tuple(_switch(context, consents, subject, purpose, account) for purpose in context.data_map.purposes.values())


def _switch(context: Context, consents: Consents, subject: Pseudonym, purpose: Purpose, account: str) -> BoardSwitch:
    now, known = context.clock.now(), consents.of(subject)
    answer = consented(consents, subject, purpose.name, now)
    said = consents.said.get(known, {}).get(purpose.name, LastDecision())
    can_stop = purpose.needs is Ground.CONSENT and said.given is not None and said.withdrawn is None
    version, text = _text(context, consents, purpose, answer)
    # What is to come while it can be stopped; afterwards, what the withdrawal took.
    going = consent_decisions.reach(context, consents, subject, purpose.name, now) if can_stop else _taken(said)
    by = consents.accounts.get(said.withdrawn.id, "") if said.withdrawn else ""
    ordered = consents.ordered.get(said.withdrawn.id) if said.withdrawn else None
    return BoardSwitch(
        purpose.name, purpose.description, purpose.use, purpose.needs, answer.why, _kinds(context, purpose.datasets), can_stop,
        version, text, _follows(context, going), _kinds(context, learnt_from(context.data_map, purpose.datasets) - set(going)),
        tuple(_recipients(context, purpose)), tuple(_history(consents, known, purpose.name, account)),
        bool(by) and by != account, _binds(consents, known, said, now), ordered.order if ordered else "",
    )  # fmt: skip


def _binds(consents: Consents, subject: Pseudonym, said: LastDecision, now: datetime) -> bool:
    proof = said.withdrawn.proof if said.withdrawn is not None else ""
    return bool(proof) and lacks(consents, subject, proof, now) is None


def _taken(said: LastDecision) -> tuple[str, ...]:
    return said.withdrawn.datasets if said.withdrawn is not None else ()


def _text(context: Context, consents: Consents, purpose: Purpose, answer: ConsentAnswer) -> tuple[str, str]:
    """The version and the words that were agreed to, else those that would be shown now; no words where they cannot be read."""
    if purpose.needs is not Ground.CONSENT:
        return "", ""
    try:
        if answer.given is not None:
            version = answer.given.version
            return version, disclosure_texts.as_shown(context, consents, answer.given.text, version).decode("utf-8")
        newest, data = disclosure_texts.to_show(context, consents, purpose.text)
    except (Misconfigured, UsageError):
        return "", ""
    return newest.version, data.decode("utf-8")


def _follows(context: Context, names: Iterable[str]) -> tuple[Consequence, ...]:
    datasets = context.data_map.datasets
    found = {Consequence(kind_held(context.data_map, name), datasets[name].on_erase.act) for name in names if name in datasets}
    order = list(DataKind)
    return tuple(sorted(found, key=lambda each: (order.index(each.kind), each.act.value)))


def _kinds(context: Context, names: Iterable[str]) -> tuple[DataKind, ...]:
    found = {kind_held(context.data_map, name) for name in names if name in context.data_map.datasets}
    return tuple(kind for kind in DataKind if kind in found)


def _recipients(context: Context, purpose: Purpose) -> Iterator[BoardRecipient]:
    for name in purpose.recipients:
        known = context.data_map.recipients.get(name)
        gets = _kinds(context, known.gets if known else purpose.datasets)
        yield BoardRecipient(name, gets, instructions.may_share(context, name))


def _history(consents: Consents, subject: Pseudonym, purpose: str, account: str) -> Iterator[BoardEntry]:
    for event in consents.history.get(subject, ()):
        match event:
            case ce.ConsentGiven() if event.purpose == purpose:
                yield BoardEntry(event.at, True, _speaker(event.proof), event.method, event.version)  # noqa: FBT003 - the field's own name
            case ce.ConsentWithdrawn() if event.purpose == purpose:
                yield BoardEntry(event.at, False, _speaker(event.proof, consents.accounts.get(event.id, ""), account))  # noqa: FBT003


def _speaker(proof: str, by: str = "", account: str = "") -> Speaker:
    if by:
        return Speaker.YOU if by == account else Speaker.ANOTHER_ACCOUNT
    return Speaker.GUARDIAN if proof else Speaker.PERSON
