"""Judge mentions: what became of them by the map's rules, which stay on purpose, and which the map does not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from expunge.core.datamap.datamap import AboutNobody, Dataset
from expunge.core.datamap.mentions import FoundMentions, MentionAct, MentionForm, yaml_for
from expunge.core.datamap.person import Person
from expunge.core.evidence.receipt import Mention
from expunge.core.orders.run import Run
from expunge.core.orders.shared_round import trace_owner, turn
from expunge.core.values import canonical
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.outcome import Reason, Unable
from expunge.engine.evidence import judged_columns
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.shelf_words import shelf_word
from expunge.engine.subjects import hold_register, mentions
from expunge.engine.subjects.locating import LocatedCopies

_RELEASED = "mentions-"


def remember(context: Context, run: Run, dataset: Dataset, found: Sequence[FoundMentions]) -> None:
    """Put on the shelf how many rows an erase step is about to take the person out of; a step that is taken again finds fewer."""
    order, name = trace_owner(run), f"{_RELEASED}{turn(run)}-{shelf_word(dataset.name)}"
    counts = _recall(context, order, name)
    now: Counter[tuple[str, str]] = Counter()
    for each in found:
        if each.form is MentionForm.WHOLE:
            now[each.subject, each.column] += each.items
    for place, items in now.items():
        counts[place] = max(items, counts[place])
    if counts:
        body: canonical.Json = [[subject, column, items] for (subject, column), items in sorted(counts.items())]
        context.shelf.put(order, name, canonical.encode(body))


def _recall(context: Context, order: OrderId, name: str) -> Counter[tuple[str, str]]:
    data = context.shelf.get(order, name)
    body = canonical.decode(data) if data else []
    assert isinstance(body, list)
    return Counter({(str(subject), str(column)): int(items) for subject, column, items in body})


def _released(context: Context, run: Run, dataset: Dataset) -> Counter[tuple[str, str]]:
    """(subject, column) -> rows, of all rounds."""
    order, ending = trace_owner(run), f"-{shelf_word(dataset.name)}"
    names = [name for name in context.shelf.names(order) if name.startswith(_RELEASED) and name.endswith(ending)]
    mine = [name for name in names if name.removeprefix(_RELEASED).partition("-")[2] == shelf_word(dataset.name)]
    return sum((_recall(context, order, name) for name in mine), Counter[tuple[str, str]]())


def held(context: Context, dataset: Dataset) -> bool:
    """Return whether a hold keeps rows of a dataset: while one does, no row of another person is changed there."""
    return any(hold.dataset == dataset.name for hold in hold_register.active(context))


@dataclass
class SeenMentions:
    """The mentions of a round's people in one store, after the erasure."""

    listed: dict[Pseudonym, list[Mention]] = field(default_factory=dict)
    """Subject -> what the receipt lists."""
    left: dict[tuple[str, Pseudonym], Unable] = field(default_factory=dict)
    """(dataset, subject) -> why it is not done: a cell that nobody declared, or that was not changed as declared."""

    def changed(self, dataset: str, subject: Pseudonym) -> bool:
        """Return whether rows of other people in a dataset were changed for a subject."""
        return any(each.dataset == dataset and each.act is not MentionAct.KEEP for each in self.listed.get(subject, ()))


def look(context: Context, run: Run, store: str, located: LocatedCopies, people: Sequence[Person], *, inside: bool) -> SeenMentions:
    """Look for the people in the rows of others, in every dataset of a store, and in the columns that no dataset declares.

    ``inside`` says whether to look inside longer text too: a scan has seen an identifier, or cannot see any.
    """
    seen = SeenMentions()
    if run.plan is None or run.plan.scope is not None:
        return seen
    for dataset in context.data_map.datasets_of(store):
        own = located.own_in(dataset.name)
        try:
            met = mentions.found(context, dataset, people, own, inside=inside)
            judged = judged_columns.in_declared(context, dataset, people, own)
        except store_calls.TROUBLE as error:
            why = Unable(
                Reason.CANNOT_TELL, f"{dataset.name} could not be looked through for rows of others: {store_calls.as_unable(error).detail}"
            )
            seen.left.update({(dataset.name, subject): why for subject in run.subjects})
            continue
        by_subject: dict[Pseudonym, list[FoundMentions]] = {}
        for each in (*met, *judged):
            by_subject.setdefault(each.subject, []).append(each)
        released = _released(context, run, dataset) if dataset.mentions else Counter[tuple[str, str]]()
        guessed = frozenset(each.column for each in judged)
        holding = bool(dataset.mentions) and held(context, dataset)
        for subject in run.subjects:
            _judge(context, dataset, subject, by_subject.get(subject, ()), released, seen, guessed=guessed, held=holding)
    seen.left.update(judged_columns.look(context, store, people))
    return seen


@dataclass(frozen=True)
class ForeseenMentions:
    """The rows of other people that name an order's people, before anything is erased."""

    listed: tuple[Mention, ...]
    """Those that the order will change, and those that stay as they are."""
    undeclared: Mapping[str, str]
    """Dataset or table -> what names the people there, and what to write: while that stands, the order ends in part."""


def foresee(context: Context, located: LocatedCopies, people: Sequence[Person]) -> ForeseenMentions:
    """Look for the people of an order in the rows of others, as :func:`look` will; what cannot be looked at is told by its own step."""
    counts, open_ones = Counter[tuple[str, str, MentionAct]](), dict[str, str]()
    for dataset in context.data_map.datasets.values():
        own = located.own_in(dataset.name)
        try:
            met = (*mentions.found(context, dataset, people, own, inside=True), *judged_columns.in_declared(context, dataset, people, own))
        except store_calls.TROUBLE:
            continue
        undeclared = dict[str, MentionForm]()
        for each in met:
            act = _act(dataset, each)
            if act is None:
                undeclared[each.column] = max(undeclared.get(each.column, each.form), each.form, key=list(MentionForm).index)
            else:
                counts[dataset.name, each.column, act] += each.items
        if undeclared:
            open_ones[dataset.name] = _why(context, dataset, undeclared, (), met, guessed=frozenset(), held=False)
    for store in context.data_map.stores:
        with suppress(*store_calls.TROUBLE):
            open_ones |= {where: why.detail for (where, _), why in judged_columns.look(context, store, people).items()}
    return ForeseenMentions(tuple(Mention(*place, items) for place, items in sorted(counts.items())), open_ones)


def _act(dataset: Dataset, found: FoundMentions) -> MentionAct | None:
    """What an order does with mentions; None where the map does not say, and where they are no free text."""
    rule = dataset.mentions.get(found.column)
    if rule is not None and rule.releases and found.form is MentionForm.WHOLE:
        return rule.act
    return MentionAct.KEEP if found.form is MentionForm.PROSE or (rule is not None and not rule.releases) else None


def _judge(
    context: Context,
    dataset: Dataset,
    subject: Pseudonym,
    met: Sequence[FoundMentions],
    released: Mapping[tuple[str, str], int],
    seen: SeenMentions,
    *,
    guessed: frozenset[str],
    held: bool,
) -> None:
    listed = seen.listed.setdefault(subject, [])
    undeclared: dict[str, MentionForm] = {}
    unchanged: list[str] = []
    staying: Counter[str] = Counter()
    for each in met:
        rule = dataset.mentions.get(each.column)
        if rule is not None and rule.releases and each.form is MentionForm.WHOLE:
            unchanged.append(each.column)
        elif each.form is MentionForm.PROSE or (rule is not None and not rule.releases):
            staying[each.column] += each.items
        else:
            undeclared[each.column] = max(undeclared.get(each.column, each.form), each.form, key=list(MentionForm).index)
    for column, rule in dataset.mentions.items():
        items = released.get((subject, column), 0)
        if rule.releases and items and column not in unchanged:
            listed.append(Mention(dataset.name, column, rule.act, items))
    listed += [Mention(dataset.name, column, MentionAct.KEEP, items) for column, items in sorted(staying.items())]
    why = _why(context, dataset, undeclared, unchanged, met, guessed=guessed, held=held)
    if why:
        seen.left[dataset.name, subject] = Unable(Reason.MENTIONED, why)


def _why(
    context: Context,
    dataset: Dataset,
    undeclared: Mapping[str, MentionForm],
    unchanged: Sequence[str],
    met: Sequence[FoundMentions],
    *,
    guessed: frozenset[str],
    held: bool,
) -> str:
    """What names the person still, and what to write; empty where nothing does."""
    place = f"table {dataset.table}" if dataset.table else dataset.name
    if undeclared:
        items = sum(each.items for each in met if each.column in undeclared and each.form is not MentionForm.PROSE)
        columns = sorted(undeclared)
        inside = any(form is not MentionForm.WHOLE for form in undeclared.values())
        rows = "1 row" if items == 1 else f"{items} rows"
        write = f"`{yaml_for(columns, inside=inside or not dataset.changes_rows)}` in {dataset.name}"
        if isinstance(dataset.subject, AboutNobody):
            write = mentions.in_place_of_nobody(context, dataset, columns)
            if guessed.issuperset(columns):
                lines = ", ".join(f"`{judged_columns.ignoring(dataset, column)}`" for column in columns)
                write += f", or, where it is nobody, {lines}"
        elif not inside and dataset.changes_rows and not guessed.isdisjoint(columns):
            write += ", or `keep` where it is nobody"
        return f"{place}: {', '.join(columns)} names the person in {rows} of other people; {write}"
    if unchanged:
        mend = "a hold keeps rows there as they are, apply again once it ends" if held else "apply again"
        return f"{place}: {', '.join(sorted(set(unchanged)))} still names the person in rows of other people; {mend}"
    return ""
