"""Version 7 of the page that a parent or customer reads: version 6, where that said less or more than the statement.

*Nothing was found* and *erased* are said where they are the whole truth alone. What stays with other people, and a model in which an attack
still tells people, stand in the first box. An order about a class of items names no person. The annex has what is kept place by place.

Released: do not change it, add a version 8 beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.mentions import MentionAct
from expunge.core.evidence import receipt as r
from expunge.core.models.membership_opinion import Opinion
from expunge.core.pages import receipt_v1 as v1
from expunge.core.pages import receipt_v5 as v5
from expunge.core.pages import receipt_v6 as v6
from expunge.core.pages import receipt_v6_words as words
from expunge.core.values.order import OrderKind

_CLASSES = frozenset({OrderKind.EXPIRY, OrderKind.DISGORGEMENT})
"""Orders about a class of items, of however many people, rather than about a person."""
_ABOUT: Mapping[bool, str] = {False: "about this person", True: "of this order"}
"""Whether an order is about a class -> what its data is called."""
_DONE_TO_CLASS: Mapping[EraseAct, str] = {
    EraseAct.FORGET: "made to forget it",
    EraseAct.REBUILD: "made anew without it",
    EraseAct.RETRAIN: "trained anew without it",
}
"""As the words of version 6, for an order about a class."""


def render(statement: bytes) -> bytes:
    """Return the page, UTF-8, one file without scripts, pictures or network. Raises EvidenceInvalid unless given a statement."""
    receipt = r.parse(statement)
    parts = [
        v6.head(receipt),
        _verdict(receipt),
        _erased(receipt),
        v6.undone(receipt),
        _stays(receipt),
        v6.when(receipt),
        _questions(receipt, statement),
        _annex(receipt, statement),
    ]
    return ("".join(part for part in parts if part) + "</main>\n</body>\n</html>\n").encode("utf-8")


def _verdict(receipt: r.Receipt) -> str:
    look, title, told = (_done if receipt.verdict is r.Verdict.FULFILLED else _in_part)(receipt)
    return f'<section class="verdict {look}" aria-labelledby="verdict">\n<h2 id="verdict">{title}</h2>\n<p>{told}</p></section>\n'


def _done(receipt: r.Receipt) -> tuple[str, str, str]:
    """Return how a receipt looks by which nothing is left to do, its title, and what is told under it."""
    checked = f" on {v1.day(receipt.times.verified)}" if receipt.times.verified else ""
    whose = _ABOUT[receipt.order_kind in _CLASSES]
    if _any_erased(receipt):
        named = any(each.act is MentionAct.KEEP for each in receipt.mentions)
        more = " Records of other people still name this person: see below." if named else ""
        more += " Words of it that other data has as well stay there: see below." if receipt.others_text or receipt.shared_values else ""
        more += " An attack can still tell who was in a model: see below." if _recognised(receipt) else ""
        told = f"All data {whose} that was found is erased. Each place was read again afterwards{checked}, and nothing came back.{more}"
        return "good", "Erased and verified", told
    if receipt.mentions or receipt.stays_with_others or receipt.orphaned:
        told = f"Every place was looked through{checked}, and no data {whose} was seen there. What was found beside it stands below."
        return "good", f"No data {whose} was found", told
    return "good", f"Nothing {whose} was found", f"Every place was looked through{checked}, and none held anything {whose}."


def _in_part(receipt: r.Receipt) -> tuple[str, str, str]:
    """As :func:`_done`, of a receipt by which something is kept, or is left to do."""
    if open_ := sum(each.outcome is r.Result.UNABLE for each in receipt.datasets):
        told = f"{v1.count(open_, 'place')} could not be finished: see below. The order stays open until the company has finished it."
        return "bad", "Not everything is erased yet", told
    if _any_erased(receipt):
        return "stay", "Erased, but for what is kept", "Some of it is kept, for the reasons below."
    return "stay", "Nothing is erased: what was found is kept", "It is kept for the reasons below."


def _any_erased(receipt: r.Receipt) -> bool:
    return any(each.outcome is r.Result.ERASED for each in receipt.datasets)


def _recognised(receipt: r.Receipt) -> int:
    """Return of how many models an attack can still tell who was in them."""
    return sum(model.membership is not None and model.membership.verdict is Opinion.FAIL for model in receipt.models)


def _erased(receipt: r.Receipt) -> str:
    """What of each kind of data is gone, under the one sentence that says how thoroughly."""
    groups: dict[tuple[EraseAct, str], dict[DataKind, int]] = {}
    for each in receipt.datasets:
        if each.outcome is r.Result.ERASED:
            kinds = groups.setdefault((each.act, v6.depth_of(receipt, each)), {})
            kind = each.holds or DataKind.RECORD
            kinds[kind] = kinds.get(kind, 0) + each.items
    if not groups:
        return ""
    parts = [
        f"<p><strong>{v6.capital(_done_by(receipt, act))}.</strong> {depth}</p>\n{v6.listing(kinds)}"
        for (act, depth), kinds in groups.items()
    ]
    nothing = _nothing(receipt)
    return v1.section("What was erased", "".join(parts) + (f"<p>{nothing}</p>\n" if nothing else ""))


def _done_by(receipt: r.Receipt, act: EraseAct) -> str:
    return _DONE_TO_CLASS.get(act, words.DONE[act]) if receipt.order_kind in _CLASSES else words.DONE[act]


def _nothing(receipt: r.Receipt) -> str:
    """Return which kinds of data nothing was found of, where something else of that kind was not erased either."""
    found = {each.holds or DataKind.RECORD for each in receipt.datasets if each.outcome is not r.Result.ABSENT}
    absent = {each.holds for each in receipt.datasets if each.outcome is r.Result.ABSENT and each.holds} - found
    names = [v6.plural(kind) for kind in DataKind if kind in absent]
    whose = "order" if receipt.order_kind in _CLASSES else "person"
    return f"Nothing of this {whose} was found among {', '.join(names)}." if names else ""


def _stays(receipt: r.Receipt) -> str:
    kinds = {each.dataset: each.holds for each in receipt.datasets}
    lines = [f"{v6.noun(kinds.get(each.dataset), each.items)}: kept{_until(each)}. Why: {v1.text(each.ground)}." for each in receipt.kept]
    lines += list(dict.fromkeys(f"{v6.capital(v1.text(each.says))}." for each in receipt.outside))
    lines += _of_others(receipt)
    if receipt.orphaned:
        whose = _ABOUT[receipt.order_kind in _CLASSES]
        lines.append(f"Some records name nobody whom the company knows. Whether any is data {whose}, this receipt cannot tell.")
    if receipt.unread:
        lines.append("Some places belong to no data that the company names, or cannot be read. The annex lists them, with the reasons.")
    lines.append("This receipt says nothing about copies that the company does not know of. The annex lists what it leaves out.")
    return v1.section("What stays, and until when", "<ul>\n" + "".join(f"<li>{each}</li>\n" for each in lines) + "</ul>\n")


def _until(kept: r.KeptItems) -> str:
    # Why no more where no date is: a keeping time may end it, a condition that the reason names, or nothing.
    return f" until {v1.day(kept.until)}" if kept.until else ", and this receipt has no date for its end"


def _of_others(receipt: r.Receipt) -> Iterable[str]:
    if receipt.others_text:
        yield "Other people's records hold some of the same words: a city that both live in, a sentence that they quote. They stay."
    if gone := sum(each.items for each in receipt.mentions if each.act is not MentionAct.KEEP):
        yield f"{v1.count(gone, 'record')} of other people named this person, and no longer {'does' if gone == 1 else 'do'}."
    if any(each.act is MentionAct.KEEP for each in receipt.mentions):
        staying = sum(each.items for each in receipt.mentions if each.act is MentionAct.KEEP)
        yield f"{v1.count(staying, 'record')} of other people {'mentions' if staying == 1 else 'mention'} this person, and will stay."
    if receipt.shared_values:
        yield "Lists that are about nobody, such as one of cities, have words that this data had as well. They stay."
    if any(model.stayed for model in receipt.models):
        learnt = "from what was erased" if receipt.order_kind in _CLASSES else "from this person"
        yield f"Models whose sealed lists of what they learnt from show that it was not {learnt} go on as they are."
    if models := _recognised(receipt):
        yield f"An attack can still tell who was in {v1.count(models, 'model')}. The annex says more."


def _questions(receipt: r.Receipt, statement: bytes) -> str:
    code = f'<span class="code">{v6.short_code(statement)}</span>'
    lines = [f"<p>The short code of this receipt is {code}. Receipts with different codes are different.</p>\n"]
    if receipt.issuer and receipt.issuer.contact:
        lines.append(f"<p>Questions: {v1.text(receipt.issuer.name)}, {v1.text(receipt.issuer.contact)}.</p>\n")
    if receipt.issuer and receipt.issuer.complaints:
        lines.append(f"<p>Complaints: you may complain to {v1.text(receipt.issuer.complaints)}.</p>\n")
    lines.append("<p>Anybody can check this receipt without the company: the annex says how.</p>\n")
    return v1.section("Questions, complaints, and checking it", "".join(lines))


def _annex(receipt: r.Receipt, statement: bytes) -> str:
    kept = [section for title, section in v6.sections(v5.render(statement).decode()) if title not in v6.REPLACED]
    body = "".join((_places(receipt), _kept(receipt), *kept[:-2], v6.scope(receipt), *kept[-2:]))
    return f'<section class="annex">\n<h2>Technical annex</h2>\n{body.replace("<h2>", "<h3>").replace("</h2>", "</h3>")}</section>\n'


def _places(receipt: r.Receipt) -> str:
    notes: dict[str, int] = {}
    rows = []
    for each in receipt.datasets:
        numbers = [str(notes.setdefault(note, len(notes) + 1)) for note in v6.notes_of(receipt, each)]
        depth = each.claimed.word if each.outcome in (r.Result.ERASED, r.Result.UNABLE) else v1.NONE
        asked = f" (asked for: {each.asked.word})" if each.claimed < each.asked and depth != v1.NONE else ""
        rows.append(
            (
                f"{v1.text(each.dataset)} <small>in {v1.text(each.store)} ({v1.text(each.kind)})</small>",
                _result(receipt, each),
                f"{each.items:,}",
                f"{depth}{asked}",
                f"<sup>{', '.join(numbers)}</sup>" if numbers else v1.NONE,
            )
        )
    table = v1.table(("Place", "Result", "Items", "Depth", "Notes"), rows)
    listed = "".join(f"<li>{note}</li>\n" for note in notes)
    return v1.section("Place by place", f"{v6.LOOKED}{table}<ol>\n{listed}</ol>\n")


def _result(receipt: r.Receipt, entry: r.DatasetEntry) -> str:
    if entry.reason:
        return f"{entry.outcome.value}: {entry.reason.value}"
    another = entry.outcome is r.Result.ERASED and entry.act is not EraseAct.ERASE
    return _done_by(receipt, entry.act) if another else entry.outcome.value


def _kept(receipt: r.Receipt) -> str:
    """What is kept, place by place: the first part names kinds alone."""
    rows = [
        (v1.text(each.dataset), f"{each.items:,}", v1.text(each.ground), v1.day(each.until) if each.until else "no date given")
        for each in receipt.kept
    ]
    return v1.section("What is kept", v1.table(("Place", "Items", "Ground", "Until"), rows)) if rows else ""
