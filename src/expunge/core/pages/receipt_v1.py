"""Version 1 of the page that a parent or customer reads. Released: do not change it, add a version 2 beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from html import escape

from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.grounding import Grounding
from expunge.core.evidence import receipt as r
from expunge.core.evidence.receipt_codec import instant
from expunge.core.pages.receipt_v1_style import STYLE
from expunge.core.values.order import OrderKind

NONE = "\N{EN DASH}"
SECTION = "<section>\n<h2>"
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Characters that do not show or that turn the direction of writing: a fixed list, so that every Python makes the same page."""
_ORDER = {
    OrderKind.ERASURE: "a request to erase",
    OrderKind.WITHDRAWAL: "a withdrawal of consent",
    OrderKind.EXPIRY: "the end of the published keeping time",
    OrderKind.INACTIVITY: "a long time without use",
    OrderKind.DISGORGEMENT: "an order of a court or regulator",
}
_DEPTH = {
    Grounding.NONE: "Nothing could be confirmed.",
    Grounding.HIDDEN: "No ordinary reading of the system returns it any more. The data itself may still lie there.",
    Grounding.REMOVED: "No file or table in use holds it any more. Old versions, logs or free space may.",
    Grounding.SCRUBBED: "No trace of it is in any file of the system: not in free space, logs, statistics or old versions.",
    Grounding.DEVICE: "The disk it lay on was discarded, or was encrypted with a key that no longer exists.",
}
_ACT = {
    EraseAct.ERASE: "Erased",
    EraseAct.FORGET: "Made to forget",
    EraseAct.REBUILD: "Built again without the data",
    EraseAct.RETRAIN: "Trained again without the data",
    EraseAct.DESTROY: "Destroyed as a whole",
    EraseAct.KEEP: "Kept",
}
_RESULT = {r.Result.ABSENT: "Nothing there", r.Result.KEPT: "Kept", r.Result.UNABLE: "Not done"}
_MARK = {r.Result.ERASED: "good", r.Result.ABSENT: "good", r.Result.KEPT: "stay", r.Result.UNABLE: "bad"}


def render(statement: bytes) -> bytes:
    """The page, UTF-8, one file without scripts, pictures or network. Raises EvidenceInvalid for what is not a statement."""
    receipt = r.parse(statement)
    parts = [
        _head(receipt),
        _verdict(receipt),
        _places(receipt),
        _depths(receipt),
        _kept(receipt),
        _undone(receipt),
        _scope(receipt),
        _when(receipt),
        _check(receipt),
        _details(receipt),
    ]
    return ("".join(part for part in parts if part) + "</main>\n</body>\n</html>\n").encode("utf-8")


def _head(receipt: r.Receipt) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>Receipt {text(receipt.order)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
        "<header>\n<h1>Receipt of erasure</h1>\n"
        f"<p>Order <strong>{text(receipt.order)}</strong> came from {_ORDER[receipt.order_kind]}. It was received on "
        f"{day(receipt.times.requested)}, and {_checked(receipt.times)}.</p>\n</header>\n"
    )


def _verdict(receipt: r.Receipt) -> str:
    erased = [dataset for dataset in receipt.datasets if dataset.outcome is r.Result.ERASED]
    items, places = sum(each.items for each in erased), len(receipt.datasets)
    done = f"{count(items, 'item')} erased in {count(len(erased), 'place')}, of {_number(places)} where the plan of this order went."
    if not erased:
        done = f"Nothing was erased in the {count(places, 'place')} where the plan of this order went."
    if receipt.verdict is r.Verdict.FULFILLED:
        title = "Everything that was found has been erased" if erased else "Nothing about this person was found"
        return f'<section class="verdict good" aria-labelledby="verdict">\n<h2 id="verdict">{title}</h2>\n<p>{done}</p></section>\n'
    unable = sum(dataset.outcome is r.Result.UNABLE for dataset in receipt.datasets)
    left = [f"{count(unable, 'place')} could not be finished"] if unable else []
    left += [f"{count(sum(each.items for each in receipt.kept), 'item')} kept on purpose"] if receipt.kept else []
    return (
        '<section class="verdict bad" aria-labelledby="verdict">\n<h2 id="verdict">Not everything was erased</h2>\n'
        f"<p>{done} {' and '.join(left)}: see below, with the reasons.</p></section>\n"
    )


def _places(receipt: r.Receipt) -> str:
    rows = [
        (
            f"<strong>{text(dataset.dataset)}</strong><br><small>in {text(dataset.store)} ({text(dataset.kind)})</small>",
            f'<span class="mark {_MARK[dataset.outcome]}">{_RESULT.get(dataset.outcome) or _ACT[dataset.act]}</span>',
            _number(dataset.items),
            _depth_cell(dataset),
            _looked(dataset),
        )
        for dataset in receipt.datasets
    ]
    told = (
        "<p>The last column says how each place was checked: by reading it again in the ordinary ways, and by searching its raw bytes for "
        "fingerprints of the person's content that were taken before, with a program that did not do the erasing.</p>\n"
    )
    return section(
        "What was done, place by place", told + table(("Place", "What happened", "Items", "How deep", "How it was checked"), rows)
    )


def _depth_cell(entry: r.DatasetEntry) -> str:
    if entry.outcome in (r.Result.ABSENT, r.Result.KEPT):
        return NONE
    asked = f"<br><small>asked for: {entry.asked.word}</small>" if entry.claimed < entry.asked else ""
    return f"{entry.claimed.word}{asked}"


def _looked(entry: r.DatasetEntry) -> str:
    lines = []
    if entry.probe is not None and entry.probe.could_not:
        lines.append(f"Could not read it again: {text(entry.probe.could_not)}.")
    elif entry.probe is not None:
        ways = f" ({', '.join(map(text, entry.probe.paths))})" if entry.probe.paths else ""
        lines.append(f"Read again in {count(len(entry.probe.paths), 'way')}{ways}: {count(entry.probe.items_found, 'item')} came back.")
    if entry.scan is not None:
        lines.append(scanned(entry.scan))
    return "<br>".join(lines) or NONE


def scanned(scan: r.Scan) -> str:
    """What a scan did, and what it says."""
    if scan.traces_taken == 0:
        return "There was nothing to search raw bytes for."
    said = {
        r.ScanVerdict.GONE: "no trace found",
        r.ScanVerdict.PRESENT: f"{count(scan.found, 'trace')} found",
        r.ScanVerdict.CANNOT_TELL: "this scan cannot tell",
    }[scan.verdict]
    return (
        f"{searched(scan)} for {_number(scan.traces_usable)} of {count(scan.traces_taken, 'trace')}: <strong>{said}</strong>. "
        f"{controlled(scan)}{unread(scan)}"
    )


def searched(scan: r.Scan) -> str:
    """What a scan read."""
    extent = {
        r.ScanMode.ALL: "all of it",
        r.ScanMode.CHANGED: f"what changed since {moment(scan.since) if scan.since else ''}",
        r.ScanMode.SAMPLE: "a sample",
    }[scan.mode]
    read = f"{count(scan.files, 'file')}, {size(scan.bytes)} on disk, {size(scan.decoded_bytes)} unpacked"
    return f"Raw bytes searched ({extent}: {read})"


def controlled(scan: r.Scan) -> str:
    """What it saw of people who stay."""
    return f"Control: content of people who stay was found for {_number(scan.controls_found)} of {_number(scan.controls_asked)}."


def unread(scan: r.Scan) -> str:
    """What it left out; empty where that is nothing."""
    return f" Not read: {', '.join(f'{_number(each.count)} {text(each.reason)}' for each in scan.skipped)}." if scan.skipped else ""


def _depths(receipt: r.Receipt) -> str:
    used = {dataset.claimed for dataset in receipt.datasets if dataset.outcome in (r.Result.ERASED, r.Result.UNABLE)}
    used |= {dataset.asked for dataset in receipt.datasets if dataset.claimed < dataset.asked and dataset.outcome is r.Result.UNABLE}
    if not used:
        return ""
    items = "".join(f"<dt>{each.word}</dt><dd>{_DEPTH[each]}</dd>\n" for each in sorted(used, reverse=True))
    return section("What the words for depth mean", f"<dl>\n{items}</dl>\n")


def _kept(receipt: r.Receipt) -> str:
    if not receipt.kept:
        return ""
    rows = [
        (
            text(each.dataset),
            _number(each.items),
            text(each.ground),
            day(each.until) if each.until else "no date given: its keeping time",
        )
        for each in receipt.kept
    ]
    return section("What was kept, why and until when", table(("Place", "Items", "Ground", "Until"), rows))


def _undone(receipt: r.Receipt) -> str:
    rows = [
        (text(dataset.dataset), text(dataset.reason or ""), text(dataset.detail) or NONE)
        for dataset in receipt.datasets
        if dataset.outcome is r.Result.UNABLE
    ]
    return section("What could not be done, and why", table(("Place", "Reason", "What is left, and what to do"), rows)) if rows else ""


def _scope(receipt: r.Receipt) -> str:
    sentences = "".join(f"<li>{text(each)}</li>\n" for each in receipt.out_of_scope)
    return section("What this receipt does not speak about", f"<ul>\n{sentences}</ul>\n")


def _when(receipt: r.Receipt) -> str:
    times = receipt.times
    rows = [
        ("Order received", moment(times.requested)),
        ("From then on, no new data was let in", moment(times.fenced)),
        ("Last erasing ended", moment(times.erased) if times.erased else "nothing was erased"),
        ("Checked", moment(times.verified) if times.verified else "nothing could be checked"),
        ("Will be checked again by", moment(receipt.valid_until)),
    ]
    return section("When", "<dl>\n" + "".join(f"<dt>{name}</dt><dd>{value}</dd>\n" for name, value in rows) + "</dl>\n")


def _check(receipt: r.Receipt) -> str:
    return section(
        "How to check it yourself",
        "<p>This page came with six other files. In their folder, any computer with OpenSSL 3 can check the signature:</p>\n"
        "<pre><code>openssl pkeyutl -verify -pubin -inkey signer.pem -rawin \\\n  -in receipt.pae -sigfile receipt.sig</code></pre>\n"
        "<p>It answers <em>Signature Verified Successfully</em>. To check everything, this page included, against keys that you got from "
        "somewhere else than this folder:</p>\n"
        "<pre><code>expunge receipt verify . --trust THEIR-KEYS.txt</code></pre>\n"
        f"<p>The receipt is entered in the log <code>{text(receipt.log)}</code>; its place there, and the proof that it is there, "
        "are in <code>receipt.tlog-proof</code>. Whoever kept a receipt would notice if the log were rewritten.</p>\n",
    )


def _details(receipt: r.Receipt) -> str:
    rows = [
        ("Order", receipt.order),
        ("Commitment to the person", receipt.commitment),
        ("Plan (SHA-256)", receipt.plan_digest),
        ("Signing key", receipt.signer),
        ("Trust policy (SHA-256)", receipt.policy_digest),
        ("Searched by", ", ".join(sorted({dataset.scan.scanner for dataset in receipt.datasets if dataset.scan})) or NONE),
        ("Made by", f"{receipt.tool.name} {receipt.tool.version}, page {receipt.tool.page}"),
    ]
    listed = "".join(f"<dt>{name}</dt><dd><code>{text(value)}</code></dd>\n" for name, value in rows)
    return section("Details for whoever checks", f'<dl class="fine">\n{listed}</dl>\n')


def section(title: str, body: str) -> str:
    """A part of the page with a heading."""
    return f"{section_start(title)}{body}</section>\n"


def section_start(title: str) -> str:
    """How such a part begins."""
    return f"{SECTION}{title}</h2>\n"


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table whose cells are HTML already; the first of each row heads it."""
    head = "".join(f'<th scope="col">{each}</th>' for each in heads)
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row" data-label="{heads[0]}">{cell}</th>' if column == 0 else f'<td data-label="{heads[column]}">{cell}</td>'
            for column, cell in enumerate(row)
        )
        + "</tr>\n"
        for row in rows
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"


def text(value: str) -> str:
    """Escaped; characters that cannot be seen are shown by their number."""
    return escape(_UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", value), quote=True)


def _number(value: int) -> str:
    return f"{value:,}"


def count(value: int, word: str) -> str:
    """Return a number with its noun."""
    return f"{value:,} {word}" if value == 1 else f"{value:,} {word}s"


def size(value: int) -> str:
    """A number of bytes, rounded."""
    for unit, least in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if value >= least:
            return f"{value // (least // 10) / 10:.1f} {unit}"
    return f"{value} bytes"


def _checked(times: r.ReceiptTimes) -> str:
    return f"what became of it was checked on {day(times.verified)}" if times.verified else "nothing could be checked"


def day(when: datetime) -> str:
    """Return a day in words, UTC, as HTML."""
    return f'<time datetime="{instant(when)}">{when.day} {_MONTHS[when.month - 1]} {when.year}</time>'


def moment(when: datetime) -> str:
    """Return an instant in words, to the second, UTC, as HTML."""
    written = f"{when.day} {_MONTHS[when.month - 1]} {when.year}, {when.hour:02d}:{when.minute:02d}:{when.second:02d} UTC"
    return f'<time datetime="{instant(when)}">{written}</time>'


_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
