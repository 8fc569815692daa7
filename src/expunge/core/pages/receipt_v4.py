"""Version 4 of the page that a parent or customer reads: version 3 with the values that stay in rows about nobody.

A comparison that differs speaks against a model there, numbers of traces are ranges, and a scan without a control says why. It lists
places that nothing accounts for.

Released: do not change it, add a version 5 beside it.
"""

from __future__ import annotations

from expunge.core.evidence import receipt as r
from expunge.core.evidence.unread_places import PlaceKind, UnreadPlace, bucket
from expunge.core.models.model_outcomes import ComparisonResult
from expunge.core.pages import receipt_v1 as v1
from expunge.core.pages import receipt_v2 as v2
from expunge.core.pages import receipt_v3 as v3

_WHY = "<p>A list of cities, or a line that no person wrote, may have a word that this person's data had as well. It stays.</p>\n"
_OTHER = "A fresh process whose data never had the person makes another: what is there may have learnt from them."
_VARIES = "A fresh process whose data never had the person makes another, and another again the second time: nothing is shown."

_PLACES = (
    "<p>No data set of the map accounts for these places. What the company declares as unreadable was searched as it lies there, and not "
    "opened; the reason is the company's own. Bytes in other places that nobody can read keep a store from being called clean.</p>\n"
)
_KINDS = {
    PlaceKind.OPAQUE: "declared as unreadable",
    PlaceKind.IGNORED: "declared as holding no personal data",
    PlaceKind.UNDECLARED: "not declared",
}
_ALONE = "Control: none, since nobody stays here whose content could be looked for."
_ACCOUNTED = (
    "nothing here is long enough to be searched for, or other people have the same. "
    "<strong>Every byte is accounted for</strong> ({} of files): it belongs to a live row, repeats one, is structure, or is zero."
)
_TITLE = "<h1>Receipt of erasure"
SAMPLED = ", by a sample of {}: most of the bytes there were not searched"
_SIGNING = "<dt>Signing key</dt>"
_SUMMARY = "<summary>Marks of the old and fingerprints (SHA-256) of the new contents</summary>\n"
_OLD_ONES = (
    "<p>The old ones had learnt from the person, so that only marks under a key of the operator stand for them: the operator alone can "
    "tell whether a file is one of them.</p>\n"
)
_WEIGHTS = (
    "A fresh computer process that never had the person's data learns the same, bit for bit; ids of the run and times that the format "
    "writes beside it were not compared."
)


def render(statement: bytes) -> bytes:
    """Return the page, UTF-8, one file without scripts, pictures or network. Raises EvidenceInvalid unless given a statement."""
    page = v3.render(statement, _compared).decode("utf-8")
    page = page.replace(v2.SUMMARY, _SUMMARY, 1).replace(v2.OLD_ONES, _OLD_ONES, 1)
    receipt = r.parse(statement)
    if receipt.map_digest:
        page = page.replace(_SIGNING, f"<dt>Data map (SHA-256)</dt><dd><code>{receipt.map_digest}</code></dd>\n{_SIGNING}", 1)
    for scan in dict.fromkeys(each.scan for each in receipt.datasets if each.scan is not None):
        page = page.replace(v1.scanned(scan), scanned(scan))
    mark = v1.section_start("What this receipt does not speak about")
    if receipt.sampled:
        page = page.replace(_TITLE, f"{_TITLE}{SAMPLED.format(', '.join(map(v1.text, receipt.sampled)))}", 1)
    head, _, tail = page.partition(mark)
    return f"{head}{_shared(receipt)}{_unread(receipt.unread)}{mark}{tail}".encode()


def scanned(scan: r.Scan) -> str:
    """Return what a scan did, and what it says."""
    if scan.accounted is not None:
        return f"{v1.searched(scan)}: {_ACCOUNTED.format(v1.size(scan.accounted.bytes))} {_controlled(scan)}{v1.unread(scan)}"
    if scan.traces_taken == 0:
        return v1.scanned(scan)
    said = {
        r.ScanVerdict.GONE: "no trace found",
        r.ScanVerdict.PRESENT: f"{_range(scan.found)} traces found",
        r.ScanVerdict.CANNOT_TELL: "this scan cannot tell",
    }[scan.verdict]
    return (
        f"{v1.searched(scan)} for {_range(scan.traces_usable)} of {_range(scan.traces_taken)} traces: <strong>{said}</strong>. "
        f"{_controlled(scan)}{_shares(scan)}{v1.unread(scan)}"
    )


def _controlled(scan: r.Scan) -> str:
    return v1.controlled(scan) if not scan.no_controls else _ALONE


def _shares(scan: r.Scan) -> str:
    forms = " What is written in other forms (base64, hexadecimal, escapes) was read too." if scan.forms else ""
    if not scan.values:
        return forms
    share = f"{scan.share} %" if scan.share else "less than 10 %"
    return f" Of {share} of the {_range(scan.values)} values that are long enough, parts were looked for.{forms}"


def _range(count: int) -> str:
    least = bucket(count)
    return f"{least:,} to {least * 10 - 1:,}" if least else "0"


def _shared(receipt: r.Receipt) -> str:
    if not receipt.shared_values:
        return ""
    rows = [(v1.text(each.store), v1.text(each.dataset), f"{each.items:,}") for each in receipt.shared_values]
    return v1.section("Values in data about nobody", _WHY + v1.table(("Store", "Where", "Values"), rows))


def _unread(places: tuple[UnreadPlace, ...]) -> str:
    if not places:
        return ""
    rows = [
        (v1.text(each.store), v1.text(each.pattern) or v1.NONE, _KINDS[each.kind], _range(each.files), _range(each.unread_files),
         v1.text(each.reason) or v1.NONE)
        for each in places
    ]  # fmt: skip
    return v1.section(
        "Places that nothing accounts for", _PLACES + v1.table(("Store", "Where", "What", "Files", "Unreadable", "Why"), rows)
    )


def _compared(each: r.ModelEntry) -> str:
    if each.proof is ComparisonResult.EQUAL and each.weights:
        return f"{_WEIGHTS}{v2.SIGHT[each.sight]}"
    if each.proof is not ComparisonResult.DIFFERS:
        return v2.compared(each)
    made = "".join(
        f"<br>{name}: <code>{' '.join(digests) or v1.NONE}</code>"
        for name, digests in (("there", each.weights or each.after), ("made", each.fresh), ("made again", each.again))
    )
    return f"{_VARIES if each.varies else _OTHER}{v2.SIGHT[each.sight]}{made}"
