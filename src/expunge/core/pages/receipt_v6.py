"""Version 6 of the page that a parent or customer reads: two pages in plain words, then the technical annex.

The first part says who gives the receipt, what of each kind of data was erased, what stays and until when, and where to turn to. *Nothing
was found* and *erased* are said where they are the whole truth alone. An order about a class of items names no person. The annex has what
earlier versions said place by place; what is the same for several places stands there once. Neither has advice for operators.

Version 7 is the same template. How far the order reached it has from a field of the statement, and version 6 from a sentence.

Released: do not change it. Version 8 stands on it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.grounding import Grounding
from expunge.core.datamap.mentions import MentionAct
from expunge.core.evidence import receipt as r
from expunge.core.models.membership_opinion import Opinion
from expunge.core.pages import receipt_v1 as v1
from expunge.core.pages import receipt_v4 as v4
from expunge.core.pages import receipt_v5 as v5
from expunge.core.pages import receipt_v6_words as words
from expunge.core.pages.receipt_v1_style import STYLE

_MORE_STYLE = """\
.kinds { columns: 2; column-gap: 2.5rem; margin: .5rem 0 1.25rem; }
.kinds li { margin: 0; padding: .15rem 0; break-inside: avoid; }
.verdict.stay { color: var(--stay); background: var(--stay-tint); }
.undone li { margin: .6rem 0; }
.undone small { display: block; }
@media (max-width: 34rem) { .kinds { columns: 1; } }
.code { font: 600 1.05rem/1.4 ui-monospace, "SFMono-Regular", Menlo, Consolas, "Liberation Mono", monospace; letter-spacing: .04em; }
.annex { border-top: 3px solid var(--line); margin-top: 3rem; }
.annex h2 { font-size: 1.05rem; }
.annex > h2 { font-size: 1.35rem; }
sup { font-size: .75rem; }
@media print { .annex { break-before: page; border-top: 0; margin-top: 0; } }
"""
_REPLACED = (
    "What was done, place by place",
    "What was kept, why and until when",
    "What could not be done, and why",
    "What this receipt does not speak about",
    "When",
)
"""Sections of version 5 that this one says otherwise."""
_LOOKED = (
    "<p>Each place was read again in the ordinary ways, and its raw bytes were searched for fingerprints of the person's content that were "
    "taken before, by a program that did not do the erasing. A number in the last column is the note below that says how.</p>\n"
)
_ABOUT: Mapping[bool, str] = {False: "about this person", True: "of this order"}
"""The words for an order's data, by whether the order is about less than everything of a person."""
_REACH_SAYS = "the order reaches "
_ITEMS_SAY = (" named item", " of a stretch of time", "keeping time chosen by the family")
"""The words of page 6 about an order for some items of a person: its statements have no field that tells."""
_SOME = frozenset({r.ReceiptReach.PART, r.ReceiptReach.ITEMS})
_REST = "This order was about a part of the data about this person. Everything else about this person stays."
_DONE_TO_CLASS: Mapping[EraseAct, str] = {
    EraseAct.FORGET: "made to forget it",
    EraseAct.REBUILD: "made anew without it",
    EraseAct.RETRAIN: "trained anew without it",
}
"""As ``DONE`` of the words, for an order about a class."""


def render(statement: bytes) -> bytes:
    """Return the page, UTF-8, one file without scripts, pictures or network. Raises EvidenceInvalid unless given a statement."""
    receipt = r.parse(statement)
    parts = [
        _head(receipt),
        _verdict(receipt),
        _erased(receipt),
        _undone(receipt),
        _stays(receipt),
        _when(receipt),
        _questions(receipt, statement),
        _annex(receipt, statement),
    ]
    return ("".join(part for part in parts if part) + "</main>\n</body>\n</html>\n").encode("utf-8")


def about_some(receipt: r.Receipt) -> bool:
    """Return whether an order was about some data of a person, so that nothing is said of the rest."""
    if receipt.reach is not None:
        return receipt.reach in _SOME
    reaches = (each for each in receipt.out_of_scope if each.startswith(_REACH_SAYS))
    return receipt.order_kind not in r.OF_A_CLASS and any(sign in each for each in reaches for sign in _ITEMS_SAY)


def less_than_a_person(receipt: r.Receipt) -> bool:
    """Return whether an order was about something else than everything of a person: a class of items, or some data of the person."""
    return receipt.order_kind in r.OF_A_CLASS or about_some(receipt)


def lets_nothing_in(receipt: r.Receipt) -> bool:
    """Return whether the page says that no new data of the person came in after the order."""
    # Why by page: page 6 said it of classes of items as well, about which no person is suppressed.
    return receipt.reach is r.ReceiptReach.PERSON if receipt.reach is not None else not about_some(receipt)


def short_code(statement: bytes) -> str:
    """Return the code by which two people compare a receipt by eye: 60 bits of the statement's SHA-256, in base 32."""
    letters = base64.b32encode(sha256(statement).digest())[:12].decode()
    return "-".join(letters[start : start + 4] for start in range(0, 12, 4))


def _head(receipt: r.Receipt) -> str:
    """Return the beginning of the page, with who gives the receipt."""
    by = f"{v1.text(receipt.issuer.name)} gives this receipt." if receipt.issuer else "The company that had the data gives this receipt."
    sampled = v4.SAMPLED.format(", ".join(map(v1.text, receipt.sampled))) if receipt.sampled else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>Receipt {v1.text(receipt.order)}</title>\n<style>\n{STYLE}{_MORE_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<header>\n<h1>Receipt of erasure{sampled}</h1>\n<p>{by} {_order(receipt)}</p>\n</header>\n"
    )


def _order(receipt: r.Receipt) -> str:
    came = f"{words.FROM[receipt.order_kind]} on {v1.day(receipt.times.requested)}"
    return f"It answers order <strong>{v1.text(receipt.order)}</strong>, which came from {came}."


def _verdict(receipt: r.Receipt) -> str:
    look, title, told = (_done if receipt.verdict is r.Verdict.FULFILLED else _in_part)(receipt)
    return f'<section class="verdict {look}" aria-labelledby="verdict">\n<h2 id="verdict">{title}</h2>\n<p>{told}</p></section>\n'


def _done(receipt: r.Receipt) -> tuple[str, str, str]:
    """Return how a receipt looks by which nothing is left to do, its title, and what is told under it."""
    checked = f" on {v1.day(receipt.times.verified)}" if receipt.times.verified else ""
    whose = _ABOUT[less_than_a_person(receipt)]
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


def _noun(kind: DataKind | None, items: int) -> str:
    """Return a number with the noun of a kind of data."""
    one, several = words.KINDS[kind or DataKind.RECORD]
    return f"{items:,} {one if items == 1 else several}"


def _plural(kind: DataKind | None) -> str:
    """Return the noun of a kind of data for several."""
    return words.KINDS[kind or DataKind.RECORD][1]


def _erased(receipt: r.Receipt) -> str:
    """Return the erased items by kind, under the one sentence that says how thoroughly they were erased."""
    groups: dict[tuple[EraseAct, str], dict[DataKind, int]] = {}
    for each in receipt.datasets:
        if each.outcome is r.Result.ERASED:
            kinds = groups.setdefault((each.act, _depth_of(receipt, each)), {})
            kind = each.holds or DataKind.RECORD
            kinds[kind] = kinds.get(kind, 0) + each.items
    if not groups:
        return ""
    parts = [
        f"<p><strong>{_capital(_done_by(receipt, act))}.</strong> {depth}</p>\n{_listing(kinds)}" for (act, depth), kinds in groups.items()
    ]
    nothing = _nothing(receipt)
    return v1.section("What was erased", "".join(parts) + (f"<p>{nothing}</p>\n" if nothing else ""))


def _done_by(receipt: r.Receipt, act: EraseAct) -> str:
    return _DONE_TO_CLASS.get(act, words.DONE[act]) if less_than_a_person(receipt) else words.DONE[act]


def _listing(kinds: Mapping[DataKind, int]) -> str:
    """Return a list of numbers by kind."""
    lines = "".join(f"<li>{_noun(kind, kinds[kind])}</li>\n" for kind in DataKind if kind in kinds)
    return f'<ul class="kinds">\n{lines}</ul>\n'


def _depth_of(receipt: r.Receipt, entry: r.DatasetEntry) -> str:
    """Return the sentence about how thoroughly a dataset was erased."""
    others = entry.claimed is Grounding.SCRUBBED and receipt.stays_with_others
    return words.BUT_OTHERS if others else words.DEPTH[entry.claimed]


def _nothing(receipt: r.Receipt) -> str:
    """Return which kinds of data nothing was found of, where something else of that kind was not erased either."""
    found = {each.holds or DataKind.RECORD for each in receipt.datasets if each.outcome is not r.Result.ABSENT}
    absent = {each.holds for each in receipt.datasets if each.outcome is r.Result.ABSENT and each.holds} - found
    names = [_plural(kind) for kind in DataKind if kind in absent]
    whose = "order" if less_than_a_person(receipt) else "person"
    return f"Nothing of this {whose} was found among {', '.join(names)}." if names else ""


def _undone(receipt: r.Receipt) -> str:
    """Return what is not erased yet, and why."""
    rows = [
        (_plural(each.holds) if each.holds else f"a place in {v1.text(each.store)} without a name", words.WHY[each.reason])
        for each in receipt.datasets
        if each.outcome is r.Result.UNABLE and each.reason is not None
    ]
    lines = "".join(f"<li><strong>{name[0].upper()}{name[1:]}</strong><small>{why}</small></li>\n" for name, why in dict.fromkeys(rows))
    return v1.section("What is not erased yet, and why", f'<ul class="undone">\n{lines}</ul>\n') if lines else ""


def _stays(receipt: r.Receipt) -> str:
    kinds = {each.dataset: each.holds for each in receipt.datasets}
    lines = [f"{_noun(kinds.get(each.dataset), each.items)}: kept{_until(each)}. Why: {v1.text(each.ground)}." for each in receipt.kept]
    lines += [_REST] if about_some(receipt) else []
    lines += list(dict.fromkeys(f"{_capital(v1.text(each.says))}." for each in receipt.outside))
    lines += _of_others(receipt)
    if receipt.orphaned:
        whose = _ABOUT[less_than_a_person(receipt)]
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
        learnt = "from what was erased" if less_than_a_person(receipt) else "from this person"
        yield f"Models whose sealed lists of what they learnt from show that it was not {learnt} go on as they are."
    if models := _recognised(receipt):
        yield f"An attack can still tell who was in {v1.count(models, 'model')}. The annex says more."


def _capital(text: str) -> str:
    """Return a text with a large first letter."""
    return text[:1].upper() + text[1:]


def _when(receipt: r.Receipt) -> str:
    """Return the times of the order."""
    times = receipt.times
    rows = [
        ("Order received", v1.moment(times.requested)),
        *([("No new data from then on", v1.moment(times.fenced))] if lets_nothing_in(receipt) else []),
        ("Last erased", v1.moment(times.erased) if times.erased else "nothing was erased"),
        ("Verified", v1.moment(times.verified) if times.verified else "nothing could be verified"),
        ("Looked at again by", v1.moment(receipt.valid_until)),
    ]
    return v1.section("When", "<dl>\n" + "".join(f"<dt>{name}</dt><dd>{value}</dd>\n" for name, value in rows) + "</dl>\n")


def _questions(receipt: r.Receipt, statement: bytes) -> str:
    code = f'<span class="code">{short_code(statement)}</span>'
    lines = [f"<p>The short code of this receipt is {code}. Receipts with different codes are different.</p>\n"]
    if receipt.issuer and receipt.issuer.contact:
        lines.append(f"<p>Questions: {v1.text(receipt.issuer.name)}, {v1.text(receipt.issuer.contact)}.</p>\n")
    if receipt.issuer and receipt.issuer.complaints:
        lines.append(f"<p>Complaints: you may complain to {v1.text(receipt.issuer.complaints)}.</p>\n")
    lines.append("<p>Anybody can check this receipt without the company: the annex says how.</p>\n")
    return v1.section("Questions, complaints, and checking it", "".join(lines))


def _annex(receipt: r.Receipt, statement: bytes) -> str:
    kept = [section for title, section in _sections(v5.render(statement).decode()) if title not in _REPLACED]
    body = "".join((_places(receipt), _kept(receipt), *kept[:-2], _scope(receipt), *kept[-2:]))
    return f'<section class="annex">\n<h2>Technical annex</h2>\n{body.replace("<h2>", "<h3>").replace("</h2>", "</h3>")}</section>\n'


def _sections(page: str) -> list[tuple[str, str]]:
    """Return the sections of an earlier page, as (title, HTML), without what stands before the first."""
    found = page.partition("</main>")[0].split(v1.SECTION)[1:]
    return [(each.partition("</h2>")[0], f"{v1.SECTION}{each}") for each in found]


def _places(receipt: r.Receipt) -> str:
    notes: dict[str, int] = {}
    rows = []
    for each in receipt.datasets:
        numbers = [str(notes.setdefault(note, len(notes) + 1)) for note in _notes_of(receipt, each)]
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
    return v1.section("Place by place", f"{_LOOKED}{table}<ol>\n{listed}</ol>\n")


def _result(receipt: r.Receipt, entry: r.DatasetEntry) -> str:
    if entry.reason:
        return f"{entry.outcome.value}: {entry.reason.value}"
    another = entry.outcome is r.Result.ERASED and entry.act is not EraseAct.ERASE
    return _done_by(receipt, entry.act) if another else entry.outcome.value


def _notes_of(receipt: r.Receipt, entry: r.DatasetEntry) -> Iterable[str]:
    """Yield how a dataset was looked at."""
    if entry.probe is not None and entry.probe.could_not:
        yield f"It could not be read again: {v1.text(entry.probe.could_not)}."
    elif entry.probe is not None:
        found = entry.probe.items_found
        yield f"Read again by {v1.text(', '.join(entry.probe.paths)) or v1.NONE}: {v1.count(found, 'item')} came back."
    if entry.scan is not None:
        yield f"{v1.text(entry.store)}: {v5.scanned(receipt, entry.scan)}"


def _kept(receipt: r.Receipt) -> str:
    """Return the kept items, place by place: the first part names kinds alone."""
    rows = [
        (v1.text(each.dataset), f"{each.items:,}", v1.text(each.ground), v1.day(each.until) if each.until else "no date given")
        for each in receipt.kept
    ]
    return v1.section("What is kept", v1.table(("Place", "Items", "Ground", "Until"), rows)) if rows else ""


def _scope(receipt: r.Receipt) -> str:
    lines = "".join(f"<li>{_where(stores)}{v1.text(sentence)}</li>\n" for sentence, stores in left_out(receipt).items())
    return v1.section("What this receipt does not speak about", f"<ul>\n{lines}</ul>\n")


def left_out(receipt: r.Receipt) -> Mapping[str, Sequence[str]]:
    """Return what is out of scope, each sentence once, with the stores that it is true of; none where it is about no store."""
    known = {each.store for each in receipt.datasets}
    grouped: dict[str, list[str]] = {}
    for sentence in receipt.out_of_scope:
        store, colon, rest = sentence.partition(": ")
        if colon and store in known:
            grouped.setdefault(rest, []).append(store)
        else:
            grouped.setdefault(sentence, [])
    return grouped


def _where(stores: Sequence[str]) -> str:
    return f"<strong>{v1.text(', '.join(stores))}</strong>: " if stores else ""
