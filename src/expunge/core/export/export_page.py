"""The pages of an export: plain HTML that opens from a folder, without a network, a script, or an address outside the folder.

All text of stores is escaped and set apart in its own direction of writing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from urllib.parse import quote

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import EraseAct
from expunge.core.export.archive_names import visible
from expunge.core.export.export_manifest import INDEX, SUMS, Unread, part_folder
from expunge.core.export.export_style import POLICY, STYLE
from expunge.core.export.export_words import WORDS, Language, Words, number, size
from expunge.core.export.place_plot import MOST_CELLS, PlacePlot
from expunge.core.values.outcome import Reason

VERIFY = "expunge export-verify . --trust KEYS"
ENTRIES_OF_A_PAGE = 100
LISTED_PLACES = 50
MOST_SHOWN = 3000
"""Characters of the text, or of all fields, of one entry that a page shows; the file has the rest."""
MOST_ENTRY = 64 * 1024
"""Bytes that one entry takes at most, in all languages together."""
_FRAME = len(STYLE) + 6000
_DOT, _ROW = 80, 220
"""Bytes of a page around its entries, of one place on its map, and of one row of a table, at most."""
_TITLE = 300


@dataclass(frozen=True)
class Entry:
    """One file, or one row of a file, on a page."""

    file: str
    """Path in the archive."""
    title: str
    dataset: str
    bytes: int = 0
    media_type: str = ""
    shared: bool = False
    piece: int = 0
    cut: Reason | None = None
    text: str = ""
    """A transcript, or the content of a short text."""
    fields: Sequence[tuple[str, str]] = ()
    """Names and values of a row; empty for a file."""


@dataclass
class KindPages:
    """The pages of one kind in one part, as they fill."""

    kind: DataKind
    entries: int = 0
    """Entries on the page at hand."""
    bodies: dict[Language, list[str]] = field(default_factory=dict, repr=False)
    """The entries of the page at hand, written out."""
    done: int = 0
    """Pages that are full and written."""
    plot: PlacePlot = field(default_factory=PlacePlot)
    unseen: int = 0
    """Rows that are in files and on no page."""
    weight: int = 0
    """Bytes of the entries at hand, in all languages."""

    def add(self, entry: Entry) -> None:
        """Write an entry out on the page at hand."""
        self.entries += 1
        for language in Language:
            body = f"<li>{_entry(entry, WORDS[language])}</li>\n"
            self.bodies.setdefault(language, []).append(body)
            self.weight += len(body.encode())

    def turn(self) -> None:
        """Begin the next page."""
        self.done += 1
        self.entries = self.weight = 0
        self.bodies.clear()

    def most_bytes(self) -> int:
        """Return a number of bytes that the page at hand does not exceed in all languages together."""
        drawing = _FRAME + min(len(self.plot.cells), MOST_CELLS) * _DOT + LISTED_PLACES * _ROW if self.plot.points else 0
        return self.weight + len(Language) * (_FRAME + drawing)


@dataclass(frozen=True)
class HeldKind:
    """What is said of one kind."""

    kind: DataKind
    items: int
    chosen: bool = True
    first: datetime | None = None
    last: datetime | None = None
    files: int = 0
    bytes: int = 0
    parts: Sequence[int] = ()
    """The parts, up to this one, that have pages about it."""


@dataclass(frozen=True)
class LearntFrom:
    """A model, or something else made of many people's data, that the person's data went into."""

    name: str
    sources: Sequence[DataKind]
    act: EraseAct


@dataclass(frozen=True)
class FirstPage:
    """What the first page of a part says."""

    company: str
    made: datetime
    part: int
    last: bool
    held: Sequence[HeldKind]
    unread: Sequence[Unread]
    learnt: Sequence[LearntFrom]
    outside: Sequence[str]
    """The operator's own words for places beyond the stores."""
    pieces: Mapping[str, int]
    """File that comes in pieces -> how many there are so far."""


def kind_slug(kind: DataKind) -> str:
    """Return the beginning of the names of the pages of a kind."""
    return kind.value.replace("'", "").replace(" ", "-")


def page_path(part: int, language: Language, kind: DataKind, page: int) -> str:
    """Return the path in the archive of a page of a kind, counted from 1."""
    return f"{part_folder(part)}/pages/{language.value}/{kind_slug(kind)}-{page}.html"


def map_path(part: int, language: Language, kind: DataKind) -> str:
    """Return the path in the archive of the map of a kind."""
    return f"{part_folder(part)}/pages/{language.value}/{kind_slug(kind)}-map.html"


def index_name(language: Language, first: Language) -> str:
    """Return the name of a part's first page in a language; ``first`` is the one that opens by itself."""
    return INDEX if language is first else f"index.{language.value}.html"


def first_page(facts: FirstPage, language: Language, first: Language) -> bytes:
    """Return a part's first page."""
    return "".join(_first_page(facts, WORDS[language], language, first)).encode()


def kind_page(pages: KindPages, language: Language, first: Language, *, more: bool) -> bytes:
    """Return the page with the entries at hand; ``more`` says whether another one of this kind follows in this part."""
    return "".join(_kind_page(pages, WORDS[language], language, first, more=more)).encode()


def map_page(pages: KindPages, language: Language, first: Language) -> bytes:
    """Return the page with the map of all places of a kind in one part."""
    return "".join(_map_page(pages, WORDS[language], language, first)).encode()


def _head(title: str, language: Language) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="{language.value}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
        f'<meta name="referrer" content="no-referrer">\n<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n'
    )


_FOOT = "</main>\n</body>\n</html>\n"


def _first_page(facts: FirstPage, words: Words, language: Language, first: Language) -> Iterator[str]:
    title = words.title_of.format(company=visible(facts.company)) if facts.company else words.title
    yield _head(title, language)
    others = (
        f'<a href="{index_name(each, first)}" lang="{each.value}" hreflang="{each.value}">{WORDS[each].itself}</a>'
        for each in Language
        if each is not language
    )
    yield f'<p class="soft">{" ".join(others)}</p>\n<h1>{escape(title)}</h1>\n'
    made = words.made.format(day=f"{facts.made:%Y-%m-%d}", time=f"{facts.made:%H:%M}")
    part = (words.part_last if facts.last else words.part).format(number=number(words, facts.part))
    yield f"<p>{made} {part}</p>\n"
    yield f'<div class="box warn"><p><strong>{words.stays}.</strong> {words.stays_why}</p><p>{words.private}</p></div>\n'
    yield from _held(facts, words, language)
    yield from _unread(facts.unread, words)
    yield from _learnt(facts.learnt, words)
    if facts.outside:
        listed = "".join(f"<li><bdi>{escape(visible(each))}</bdi></li>" for each in facts.outside)
        yield f"<h2>{words.elsewhere}</h2>\n<p>{words.elsewhere_why}</p>\n<ul>{listed}</ul>\n"
    if facts.pieces:
        listed = "".join(
            f"<li>{words.pieces_join.format(name=f'<bdi>{escape(visible(name))}</bdi>', count=number(words, count))}</li>"
            for name, count in sorted(facts.pieces.items())
        )
        yield f"<h2>{words.pieces}</h2>\n<p>{words.pieces_why}</p>\n<ul>{listed}</ul>\n"
        yield "<pre>cat NAME NAME.piece-* &gt; WHOLE\ncopy /b NAME + NAME.piece-002.bin WHOLE</pre>\n"
    if facts.part > 1 or not facts.last:
        yield f"<h2>{words.all_parts}</h2>\n<p>{words.all_parts_why}</p>\n"
    sums = f"{part_folder(facts.part)}/{SUMS}"
    yield f'<h2 id="check">{words.check}</h2>\n<p>{words.check_first}</p>\n<pre>shasum -a 256 -c {sums}</pre>\n<p>{words.check_parts}</p>\n'
    yield f"<p>{words.check_windows.format(file=f'<code>{sums}</code>')}</p>\n<pre>certutil -hashfile FILE SHA256</pre>\n"
    yield f"<p>{words.check_signed}</p>\n<pre>{VERIFY}</pre>\n{_FOOT}"


def _held(facts: FirstPage, words: Words, language: Language) -> Iterator[str]:
    yield f"<h2>{words.held}</h2>\n<p>{words.held_why}</p>\n<table>\n<thead><tr>"
    columns = words.kind, words.number, words.dates, words.here
    yield "".join(f'<th scope="col">{each}</th>' for each in columns) + "</tr></thead>\n<tbody>\n"
    for held in facts.held:
        dates = ""
        if held.first is not None and held.last is not None:
            dates = words.from_to.format(first=f"{held.first:%Y-%m-%d}", last=f"{held.last:%Y-%m-%d}")
        here = words.nothing_here if held.chosen else words.not_chosen
        if held.files:
            form = words.file if held.files == 1 else words.files
            here = escape(form.format(count=number(words, held.files), size=size(words, held.bytes)))
        links = [
            f'<a href="{quote(page_path(part, language, held.kind, 1))}">{escape(words.kinds[held.kind])}'
            f"{f' ({part})' if len(held.parts) > 1 else ''}</a>"
            for part in held.parts
        ]
        yield f'<tr><th scope="row">{" ".join(links) or escape(words.kinds[held.kind])}</th>'
        cells = zip(columns[1:], (number(words, held.items), dates, here), strict=True)
        yield "".join(f'<td data-label="{label}">{cell}</td>' for label, cell in cells) + "</tr>\n"
    yield "</tbody>\n</table>\n"


def _unread(unread: Sequence[Unread], words: Words) -> Iterator[str]:
    if not unread:
        return
    yield f'<div class="box warn"><h2>{words.unread}</h2>\n<p>{words.unread_why}</p>\n<ul>'
    for each in unread:
        form = words.unread_items if each.items else words.unread_whole
        count, reason = number(words, each.items), words.reasons[each.reason]
        said = form.format(kind=words.kinds[each.kind], dataset=each.dataset, count=count, reason=reason)
        yield f"<li>{escape(said)}</li>"
    yield "</ul></div>\n"


def _learnt(learnt: Sequence[LearntFrom], words: Words) -> Iterator[str]:
    if not learnt:
        return
    yield f"<h2>{words.learnt}</h2>\n<p>{words.learnt_why}</p>\n<ul>"
    for each in learnt:
        sources = ", ".join(words.kinds[kind].lower() for kind in each.sources)
        yield f"<li>{escape(words.learnt_from.format(name=each.name, sources=sources))} {escape(words.learnt_acts[each.act])}</li>"
    yield "</ul>\n"


def _kind_page(pages: KindPages, words: Words, language: Language, first: Language, *, more: bool) -> Iterator[str]:
    page, name = pages.done + 1, words.kinds[pages.kind]
    yield _head(f"{name}, {words.page.format(number=page)}", language)
    yield f'<p><a href="../../../{index_name(language, first)}">{words.back}</a></p>\n<h1>{escape(name)}</h1>\n'
    turns = []
    if page > 1:
        turns.append(f'<a href="{kind_slug(pages.kind)}-{page - 1}.html">{words.previous_page}</a>')
    if more:
        turns.append(f'<a href="{kind_slug(pages.kind)}-{page + 1}.html">{words.next_page}</a>')
    turn = f"<p>{' '.join(turns)}</p>\n" if turns else ""
    yield turn
    if pages.plot.points:
        yield f'<p><a href="{kind_slug(pages.kind)}-map.html">{words.map}</a></p>\n'
    yield '<ul class="items">\n'
    yield from pages.bodies.get(language, ())
    yield "</ul>\n"
    if pages.unseen and not more:
        yield f"<p>{words.rows_more.format(count=number(words, pages.unseen))}</p>\n"
    yield f"{turn}{_FOOT}"


def _entry(entry: Entry, words: Words) -> str:
    link = f"../../../{quote(entry.file)}"
    parts = []
    if entry.title:
        parts.append(f'<p class="name"><bdi>{escape(visible(entry.title[:_TITLE]))}</bdi></p>')
    what = entry.media_type.partition("/")[0]
    whole = not entry.piece and entry.cut is None
    if whole and what in {"audio", "video"} and not entry.fields:
        parts.append(f'<{what} controls preload="none" src="{link}">{words.cannot_play}</{what}>')
    elif whole and what == "image" and not entry.fields:
        parts.append(f'<img src="{link}" alt="" loading="lazy">')
    if entry.text:
        label = f'<p class="soft">{words.transcript}</p>' if what in {"audio", "video"} else ""
        parts.append(f'{label}<blockquote dir="auto">{escape(visible_text(_shortened(entry.text)))}</blockquote>')
    if entry.fields:
        parts.append(_fields(entry.fields))
    notes = _notes(entry, words)
    if not entry.fields:
        opening = words.open_as_text if entry.file.endswith(".txt") else words.open_file
        told = words.from_place.format(dataset=escape(entry.dataset))
        parts.append(f'<p class="soft"><a href="{link}">{opening}</a> ({size(words, entry.bytes)}). {told}. {escape(" ".join(notes))}</p>')
    elif notes:
        parts.append(f'<p class="soft">{escape(" ".join(notes))}</p>')
    return "".join(parts)


def _notes(entry: Entry, words: Words) -> list[str]:
    shared = [words.shared] if entry.shared else []
    piece = [words.piece.format(number=entry.piece)] if entry.piece else []
    return [*shared, *piece, *([words.cut.format(reason=words.reasons[entry.cut])] if entry.cut is not None else [])]


def _fields(fields: Sequence[tuple[str, str]]) -> str:
    rows, left = [], MOST_SHOWN
    for name, value in fields:
        shown = _shortened(value, max(0, left - len(name)))
        rows.append(f'<dt><bdi>{escape(visible(name[:_TITLE]))}</bdi></dt><dd dir="auto">{escape(visible_text(shown))}</dd>')
        left -= len(name) + len(shown) + 20
        if left <= 0:
            break
    return f"<dl>{''.join(rows)}</dl>"


def _map_page(pages: KindPages, words: Words, language: Language, first: Language) -> Iterator[str]:
    name, plot = words.kinds[pages.kind], pages.plot
    yield _head(f"{name}, {words.map}", language)
    yield f'<p><a href="../../../{index_name(language, first)}">{words.back}</a> '
    yield f'<a href="{kind_slug(pages.kind)}-1.html">{escape(name)}</a></p>\n<h1>{escape(name)}</h1>\n'
    yield plot.svg(words.map_label.format(count=number(words, len(plot.cells))), words.north)
    yield f"<p>{words.map_why}</p>\n<h2>{words.map_table}</h2>\n<table>\n<thead><tr>"
    columns = words.latitude, words.longitude, words.number
    yield "".join(f'<th scope="col">{each}</th>' for each in columns) + "</tr></thead>\n<tbody>\n"
    for row, (north, east, count) in enumerate(plot.places()):
        if row == LISTED_PLACES:
            break
        cells = zip(columns, (f"{north:.{plot.decimals}f}", f"{east:.{plot.decimals}f}", number(words, count)), strict=True)
        yield "<tr>" + "".join(f'<td data-label="{label}">{cell}</td>' for label, cell in cells) + "</tr>\n"
    yield f"</tbody>\n</table>\n{_FOOT}"


def visible_text(text: str) -> str:
    """Return a longer text without characters that have no shape; the ends of its lines stay, and joiners that scripts need."""
    kept = {"\n", "\t", "\N{ZERO WIDTH JOINER}", "\N{ZERO WIDTH NON-JOINER}"}
    return "".join(letter if letter in kept else visible(letter) for letter in text.replace("\r\n", "\n"))


def _shortened(text: str, most: int = MOST_SHOWN) -> str:
    return text if len(text) <= most else f"{text[:most]} \N{HORIZONTAL ELLIPSIS}"
