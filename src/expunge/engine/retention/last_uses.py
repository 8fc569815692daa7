"""The last use of every profile: as the data says it, and as it was noted before the data expired.

Recordings go after weeks, and a profile is inactive after months. So the day of the last use is noted in the register of inactivity, under
a pseudonym and without content, before retention takes what said so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from expunge.core.datamap.datamap import ByField, IdentitySpec
from expunge.core.retention.inactivity import LastUseNoted, NotedUse, fold_noted
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import spelt_names, store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import IDLE, read_register, register_behind
from expunge.engine.subjects import spellings

_IN_USE = timedelta(days=7)
"""So long after a use nothing is noted: of who uses it every day, the register would have a line for every day."""


@dataclass(frozen=True)
class LastUse:
    """The time at which a profile was last used."""

    kind: str
    value: str = field(repr=False)
    subject: Pseudonym
    last: datetime
    source: str
    """The dataset that says so."""


def last_uses(context: Context, identity: IdentitySpec) -> tuple[LastUse, ...]:
    """Return the last use of every profile of a kind that is in the data or listed by its dataset. Raises as the stores do."""
    noted = fold_noted(read_register(context.journal, IDLE))
    return tuple(_latest(each, noted.get(each.subject)) for each in _present(context, identity, noted))


def note(context: Context, identity: IdentitySpec) -> tuple[LastUse, ...]:
    """Note the last uses that the data may not say much longer. Return all last uses, as :func:`last_uses` does."""
    noted = fold_noted(read_register(context.journal, IDLE))
    present = tuple(_present(context, identity, noted))
    before = context.clock.now() - min((_IN_USE, *_half_periods(context, identity)))
    fresh = (each for each in present if each.subject not in noted and each.source == identity.dataset)
    _enter(context, (*fresh, *(each for each in present if each.last <= before)))
    return tuple(_latest(each, noted.get(each.subject)) for each in present)


def note_expiring(context: Context, until: Mapping[str, datetime]) -> None:
    """Note the last uses that retention is about to take: dataset -> the moment before which its items go. Raises as the stores do."""
    for identity in context.data_map.identities.values():
        losing = [name for name in identity.last_used if name in until]
        if not losing:
            continue
        latest = max(until[name] for name in losing)
        # Why all of them where the fields differ: what goes by the day it was made may have been touched yesterday.
        whole = any(identity.last_used[name] != _start(context, name) for name in losing)
        _enter(context, (each for each in told(context, identity) if whole or each.last <= latest))


def _start(context: Context, name: str) -> str:
    retention = context.data_map.retention.get(context.data_map.datasets[name].retention)
    return retention.start if retention else ""


def _half_periods(context: Context, identity: IdentitySpec) -> Iterator[timedelta]:
    for name in identity.last_used:
        retention = context.data_map.retention.get(context.data_map.datasets[name].retention)
        if retention is not None:
            yield timedelta(days=retention.period.days + 28 * retention.period.months) / 2


def _enter(context: Context, uses: Iterable[LastUse]) -> None:
    """Note what the register does not have yet, those of one day together."""
    found = [(each.kind, each.source, each.last.astimezone(UTC).date(), each.subject) for each in uses]

    def decide(noted: Mapping[Pseudonym, NotedUse]) -> list[LastUseNoted]:
        days: dict[tuple[str, str, date], list[Pseudonym]] = {}
        for kind, source, day, subject in found:
            if subject not in noted or noted[subject].day < day:
                days.setdefault((kind, source, day), []).append(subject)
        now = context.clock.now()
        return [LastUseNoted(now, *key[:2], key[2].isoformat(), tuple(sorted(each))) for key, each in sorted(days.items())]

    # commit point: from here on the data that says so may go.
    register_behind(context.journal, IDLE, lambda events: decide(fold_noted(events)))


def _latest(use: LastUse, noted: NotedUse | None) -> LastUse:
    if noted is None or noted.day <= use.last.astimezone(UTC).date():
        return use
    return LastUse(use.kind, use.value, use.subject, noted.moment(), noted.source)


def _present(context: Context, identity: IdentitySpec, noted: Mapping[Pseudonym, NotedUse]) -> Iterator[LastUse]:
    """Those in the data that tells the last use, then those that are only listed: their use is what was noted, or begins to count now."""
    seen = set()
    for use in told(context, identity):
        seen.add(use.subject)
        yield use
    for subject, value in listed(context, identity.kind, (identity.dataset,)):
        if subject not in seen:
            seen.add(subject)
            begins = noted[subject].moment() if subject in noted else context.clock.now()
            yield LastUse(identity.kind, value, subject, begins, noted[subject].source if subject in noted else identity.dataset)


def told(context: Context, identity: IdentitySpec) -> Iterator[LastUse]:
    """Yield the last use of every profile of which the data says one, over all datasets that tell it."""
    key = context.keys.pseudonym_key()
    last: dict[str, tuple[datetime, str]] = {}
    for name, when in identity.last_used.items():
        dataset = context.data_map.datasets[name]
        by = identity.key if name == identity.dataset else ""
        if isinstance(dataset.subject, ByField):
            by = dataset.subject.fields.get(identity.kind, by)
        for span in store_calls.spans(context.open_store(dataset.store), dataset, by, when):
            if span.last is not None and (span.value not in last or span.last > last[span.value][0]):
                last[span.value] = span.last, name
    for values in spelt_names.together(context.data_map, identity.kind, last):
        # Why the newest of all spellings: whoever used it under any of them used it.
        value = max(sorted(values), key=lambda spelling: last[spelling][0])
        yield LastUse(identity.kind, value, spelt_names.name_of(context.data_map, key, identity.kind, value), *last[value])


def listed(context: Context, kind: str, datasets: Iterable[str]) -> Iterator[tuple[Pseudonym, str]]:
    """Yield the identifiers of a kind that some datasets hold; one may come again. Raises as the stores do."""
    key, identity = context.keys.pseudonym_key(), context.data_map.identities[kind]
    for name in datasets:
        dataset = context.data_map.datasets[name]
        fields = [identity.key] if name == identity.dataset else []
        if isinstance(dataset.subject, ByField):
            fields += [field for each, field in dataset.subject.pairs() if each == kind and field not in fields]
        for field_ in fields:
            for value in spellings.values_of(context.open_store(dataset.store), dataset, field_):
                if value:
                    yield spelt_names.name_of(context.data_map, key, kind, value), value


def find(context: Context, kind: str, wanted: Collection[Pseudonym]) -> dict[Pseudonym, str]:
    """Return the identifiers of some profiles, wherever a dataset of the map holds them. Raises as the stores do."""
    left, found = set(wanted), dict[Pseudonym, str]()
    for name in context.data_map.datasets:
        if left:
            found |= {subject: value for subject, value in listed(context, kind, (name,)) if subject in left}
            left -= found.keys()
    return found
