"""Version 2 of the page that a parent or customer reads: version 1 with the outcomes of models and other artefacts.

Released: do not change it, add a version 3 beside it.
"""

from __future__ import annotations

from collections.abc import Callable

from expunge.core.datamap.datamap import EraseAct
from expunge.core.evidence import receipt as r
from expunge.core.evidence.receipt_codec import instant
from expunge.core.models.membership_opinion import WHOLE, AttackFigures, Membership, Opinion
from expunge.core.models.model_outcomes import ComparisonResult, NetworkAccess, SourceAccess
from expunge.core.pages import receipt_v1 as v1
from expunge.core.values.outcome import Reason

SUMMARY = "<summary>Fingerprints (SHA-256) of the old and the new contents</summary>\n"
OLD_ONES = "<p>Whoever finds a file with one of the old ones has found what should be gone.</p>\n"
_PROOF = {
    ComparisonResult.NOT_ASKED: "No comparison with a training from nothing was asked for.",
    ComparisonResult.EQUAL: "A fresh computer process that never had the person's data makes the same, bit for bit.",
    ComparisonResult.DIFFERS: "A fresh process makes another: the training does not give the same twice, so that this shows nothing.",
    ComparisonResult.COULD_NOT: "The comparison with a training from nothing could not be made.",
}
SIGHT = {
    SourceAccess.NOT_ASKED: "",
    SourceAccess.HIDDEN: " It could not read the files that it was compared with.",
    SourceAccess.OPEN: " It could have read the files that it was compared with; that it did not copy them is the operator's word.",
}
_NETWORK = {
    NetworkAccess.NOT_RUN: "",
    NetworkAccess.SHUT: "The program that did it was kept from the network.",
    NetworkAccess.OPEN: "The program that did it may use the network: the operator allows it.",
    NetworkAccess.COULD_NOT: "The program that did it was to be kept from the network, and this computer cannot do that.",
}
_OPINION = {
    Opinion.PASS: "an attack could tell who had been in it, and cannot tell any more (PASS).",
    Opinion.FAIL: "an attack can still tell who was in it (FAIL).",
    Opinion.INCONCLUSIVE: "an attack could not tell before either, so that it says nothing (INCONCLUSIVE).",
}
_BROKEN = frozenset({Reason.COMMAND_FAILED, Reason.TOO_LONG, Reason.TOO_MUCH_MEMORY})
_PERCENT = ("accuracy_before", "accuracy_after")


def render(statement: bytes, told: Callable[[r.ModelEntry], str] | None = None) -> bytes:
    """Return the page, UTF-8, one file without scripts, pictures or network. Raises EvidenceInvalid unless given a statement.

    ``told``: the sentences of a later page about what a comparison came to; None for those of this one.
    """
    receipt = r.parse(statement)
    page = v1.render(statement).decode("utf-8")
    models = _models(receipt, told or compared)
    # Why before this section: it is in every page, and what was learnt belongs behind what was erased.
    mark = v1.section_start("What this receipt does not speak about")
    head, _, tail = page.partition(mark)
    return f"{head}{models}{mark}{tail}".encode()


def _models(receipt: r.Receipt, told: Callable[[r.ModelEntry], str]) -> str:
    if not receipt.models:
        return ""
    rows = [
        (
            v1.text(model.dataset),
            "<br>".join(filter(None, (_done(receipt, model), _NETWORK[model.network]))),
            _against(model, told),
            _told(model),
        )
        for model in receipt.models
    ]
    first = (
        "<p>What is learnt from recordings outlives them. Each of these is made from such data. Since the order was carried out nobody is "
        "served by what had learnt from the person. Numbers and sentences in the last column are the operator's own.</p>\n"
    )
    stays = _stays(receipt)
    contents = "".join(
        f"<dt>{v1.text(model.dataset)}</dt><dd>before: <code>{' '.join(model.before)}</code><br>"
        f"now: <code>{' '.join(model.after) or v1.NONE}</code></dd>\n"
        for model in receipt.models
        if model.before
    )
    how = f'<details>\n{SUMMARY}{OLD_ONES}<dl class="fine">\n{contents}</dl>\n</details>\n'
    table = v1.table(("Learnt from it", "What happened", "Compared", "What the operator says of it"), rows)
    return v1.section("What was learnt from the person", first + table + stays + _opinions(receipt) + how)


def _stays(receipt: r.Receipt) -> str:
    """What goes on serving beside what went, and why that may be."""
    rows = [(model.dataset, one) for model in receipt.models for one in model.stayed]
    if not rows:
        return ""
    how = {
        ComparisonResult.NOT_ASKED: "The manifest is believed; nothing was compared with it.",
        ComparisonResult.EQUAL: "Made again from exactly the records of its manifest, it came out the same, bit for bit.",
    }
    lines = "".join(
        f"<dt>{v1.text(name)}</dt><dd>Sealed {instant(one.sealed)}; covers {v1.text(', '.join(one.sources))}. {how[one.proof]}<br>"
        f"<code>{' '.join(one.contents)}</code></dd>\n"
        for name, one in rows
    )
    return (
        "<p>These were made from the same kinds of data, and not from this person's: each has a list of everybody it learnt from, sealed "
        "together with the fingerprints of its files, and the person is not in it. They were left as they are. A list can be wrong where "
        "nothing was compared with it.</p>\n"
        f'<dl class="fine">\n{lines}</dl>\n'
    )


def compared(each: r.ModelEntry) -> str:
    """Return what a comparison came to, in sentences."""
    return f"{_PROOF[each.proof]}{SIGHT[each.sight]}"


def _against(each: r.ModelEntry, told: Callable[[r.ModelEntry], str]) -> str:
    proof = told(each) if each.after else "There is nothing left to compare." if each.before else v1.NONE
    return proof if each.membership is None else f"{proof}<br>Second opinion: {_OPINION[each.membership.verdict]}"


def _opinions(receipt: r.Receipt) -> str:
    """What the second opinions say in numbers, what they mean, and what they do not."""
    asked = [(model.dataset, model.membership) for model in receipt.models if model.membership is not None]
    if not asked:
        return ""
    lines = "".join(f"<dt>{v1.text(name)}</dt><dd>{_numbers(each)}</dd>\n" for name, each in asked)
    return (
        "<p>A second opinion asks how often an attack takes a person who is to be forgotten for one who was in the model, rather than "
        "somebody who never was: half the time is a coin, and shows nothing. It counts only where the attack worked before. It is never "
        "the proof: it is blind to copies that lie elsewhere, and of twenty honest deletions one fails by chance. The numbers are the "
        "operator's; that they fit together was checked.</p>\n"
        f"<dl>\n{lines}</dl>\n"
    )


def _numbers(each: Membership) -> str:
    caught = "would have been noticed" if each.control is Opinion.FAIL else "would not have been noticed"
    looked = f" The operator looked at it and says: {v1.text(each.looked_at)}" if each.looked_at else ""
    people = f"{each.forgotten:,} to be forgotten, {each.outsiders:,} who never were in it"
    return (
        f"{each.verdict.value}. Right {_share(each.before)} before and {_share(each.after)} after, with {people} and "
        f"{each.references:,} other models to compare with. Had nothing been forgotten, that {caught}.{looked}"
    )


def _share(each: AttackFigures) -> str:
    area, low, high = (f"{part * 100 / WHOLE:.2f}" for part in (each.auc, each.low, each.high))
    return f"{area} % of the time ({low} to {high})"


def _done(receipt: r.Receipt, each: r.ModelEntry) -> str:
    entry = next(dataset for dataset in receipt.datasets if dataset.dataset == each.dataset)
    if entry.outcome is r.Result.UNABLE:
        broken = each.act in (EraseAct.RETRAIN, EraseAct.REBUILD) and entry.reason in _BROKEN
        why = "Destroyed; a new one could not be made yet" if broken else "Not done"
        return f"{why}: see the reasons below. Nobody is served by it."
    if not each.before:
        return "Left as it is: by its sealed list, it never had the person's data (see below)."
    beside = " Others of it never had the person's data and stayed (see below)." if each.stayed else ""
    return f"{_gone(each)}{beside}"


def _gone(each: r.ModelEntry) -> str:
    if each.act is EraseAct.FORGET:
        return "It forgot the person and is in use again." if each.after else "Destroyed."
    again = {EraseAct.RETRAIN: "trained again from what is left", EraseAct.REBUILD: "built again from what is left"}.get(each.act)
    return f"Destroyed, and {again}." if again and each.after else "Destroyed; nothing stands in its place."


def _told(each: r.ModelEntry) -> str:
    known = {figure.name: figure.value for figure in each.figures}
    lines = []
    if all(name in known for name in _PERCENT):
        before, after = (f"{known[name] / 100:.2f} %" for name in _PERCENT)
        lines.append(f"Right for those who stay: {before} before, {after} after.")
    lines += [f"{v1.text(name.replace('_', ' '))}: {value:,}" for name, value in known.items() if name not in _PERCENT]
    lines += [v1.text(sentence) for sentence in each.said]
    return "<br>".join(lines) or v1.NONE
