"""The lineage of a map as a picture: one SVG file that needs nothing else, readable by eyes and by screen readers.

Only presentation attributes are used, no style sheet and no script, so that it shows under the strictest content security policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

from expunge.core.datamap.datamap import AboutNobody, DataMap, Dataset, StoreSpec
from expunge.core.lineage.lineage_graph import Edge, EdgeKind, Lineage, lineage_of
from expunge.maps.drawing.placement import DrawingLayout, Link, lay_out
from expunge.maps.drawing.tree import about, done_to, placed

_WIDTH, _HEIGHT, _GAP, _BETWEEN, _MARGIN, _HEAD, _FOOT = 250, 84, 24, 96, 32, 92, 76
_INK, _SOFT, _LINE, _PAPER, _CARD, _FAULT = "#1c2330", "#566072", "#d5dae3", "#f6f7f9", "#ffffff", "#b3261e"
_STORES = ("#2f6fdb", "#0f8a6d", "#a8570b", "#8a3fa8", "#b02a5b", "#3d6b1f", "#5a5fc7", "#6b4a2b")
_SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_MONO = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_STROKES = {
    EdgeKind.DERIVED: ("#39455a", "1.8", ""),
    EdgeKind.THROUGH: ("#39455a", "1.6", "6 4"),
    EdgeKind.MEMBER: ("#8792a5", "1.3", "2 4"),
    EdgeKind.NAMED: ("#a7b0bf", "1.2", "2 4"),
}


def draw_lineage(data_map: DataMap, *, title: str = "Where a person's data goes") -> str:
    """The whole lineage as the text of an SVG file."""
    graph = lineage_of(data_map.datasets, data_map.identities)
    edges = _one_a_pair(graph.edges)
    layout = lay_out(graph.nodes, list(edges), size=_HEIGHT, gap=_GAP, thin=14)
    columns = max(layout.column.values(), default=0) + 1
    width = max(2 * _MARGIN + columns * _WIDTH + (columns - 1) * _BETWEEN, 640)
    height = _HEAD + layout.height + _FOOT
    colours = {name: _STORES[index % len(_STORES)] for index, name in enumerate(data_map.stores)}
    parts = [
        _opening(width, height),
        f'<title id="map-title">{escape(title)}</title>',
        f'<desc id="map-words">{escape(in_words(data_map, graph))}</desc>',
        f'<rect width="{width}" height="{height:.0f}" rx="12" fill="{_PAPER}"/>',
        _text(_MARGIN, 44, title, size=20, weight=650),
        _text(_MARGIN, 67, _count(data_map, graph), size=13, fill=_SOFT),
        "<g>",
        *(_edge(layout, link, kinds) for link, kinds in sorted(edges.items(), key=lambda item: -_weight(item[1]))),
        "</g>",
        *(_card(data_map, name, colours, *_corner(layout, name)) for name in graph.nodes),
        *_legend(data_map.stores.values(), colours, height - _FOOT + 44),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _opening(width: float, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'role="img" aria-labelledby="map-title map-words" font-family={quoteattr(_SANS)}>'
    )


def in_words(data_map: DataMap, graph: Lineage) -> str:
    """Describe the picture in words, for readers who cannot see it."""
    sentences = [f"{_count(data_map, graph)}."]
    for name in graph.nodes:
        dataset = data_map.datasets.get(name)
        into = [f"{edge.kind.value} {edge.source}" for edge in graph.edges if edge.target == name and edge.kind is not EdgeKind.NAMED]
        facts = [f"in {dataset.store}", about(dataset), done_to(dataset)] if dataset else ["declared nowhere: unknown provenance"]
        sentences.append(f"{name}: {', '.join([*facts, *into])}.")
    return " ".join(sentences)


def _count(data_map: DataMap, graph: Lineage) -> str:
    unknown = len({edge.source for edge in graph.unknown})
    counts = [(len(data_map.datasets), "dataset"), (len(data_map.stores), "store")]
    text = " in ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in counts)
    return f"{text}; {unknown} declared nowhere" if unknown else text


def _one_a_pair(edges: Iterable[Edge]) -> dict[Link, list[Edge]]:
    pairs: dict[Link, list[Edge]] = {}
    for edge in edges:
        pairs.setdefault((edge.source, edge.target), []).append(edge)
    return pairs


def _weight(edges: Sequence[Edge]) -> int:
    """Faint lines are drawn first, so that they lie below."""
    return min(list(EdgeKind).index(edge.kind) for edge in edges)


def _corner(layout: DrawingLayout, name: str) -> tuple[float, float]:
    return _MARGIN + layout.column[name] * (_WIDTH + _BETWEEN), _HEAD + layout.middle[name] - _HEIGHT / 2


def _edge(layout: DrawingLayout, link: Link, edges: Sequence[Edge]) -> str:
    strongest = min(edges, key=lambda edge: list(EdgeKind).index(edge.kind))
    colour, stroke, dashes = _STROKES[strongest.kind] if strongest.known else (_FAULT, "1.8", "5 4")
    words = escape(f"{link[1]} is {' and '.join(_said(edge) for edge in edges)}")
    if layout.column[link[0]] >= layout.column[link[1]]:
        return _edge_back(layout, link, f"{words}: a cycle")
    (left, top), (right, bottom) = _corner(layout, link[0]), _corner(layout, link[1])
    points: list[tuple[float, float]] = [(left + _WIDTH, top + _HEIGHT / 2)]
    for column, middle in layout.ways.get(link, ()):
        x = float(_MARGIN + column * (_WIDTH + _BETWEEN))
        points += [(x, _HEAD + middle), (x + _WIDTH, _HEAD + middle)]
    points.append((right - 7, bottom + _HEIGHT / 2))
    path = f"M{points[0][0]:.0f} {points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        bend = max(abs(to_x - x) / 2, 24)
        path += f" C{x + bend:.0f} {y:.1f} {to_x - bend:.0f} {to_y:.1f} {to_x:.0f} {to_y:.1f}"
    tip_x, tip_y = points[-1]
    dash = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<g><title>{words}</title><path d="{path}" fill="none" stroke="{colour}" stroke-width="{stroke}"{dash}/>'
        f'<path d="M{tip_x:.0f} {tip_y - 4:.1f} l7 4 l-7 4 z" fill="{colour}"/></g>'
    )


def _edge_back(layout: DrawingLayout, link: Link, words: str) -> str:
    """A link that closes a cycle, led over the top: a faulty map shows where."""
    (from_x, from_y), (to_x, to_y) = _corner(layout, link[0]), _corner(layout, link[1])
    from_x, to_x = from_x + _WIDTH * 0.6, to_x + _WIDTH * 0.4
    over = min(from_y, to_y) - 56
    path = f"M{from_x:.0f} {from_y:.1f} C{from_x:.0f} {over:.1f} {to_x:.0f} {over:.1f} {to_x:.0f} {to_y - 7:.1f}"
    return (
        f'<g><title>{words}</title><path d="{path}" '
        f'fill="none" stroke="{_FAULT}" stroke-width="1.8"/><path d="M{to_x - 4:.0f} {to_y - 7:.1f} l4 7 l4 -7 z" fill="{_FAULT}"/></g>'
    )


def _said(edge: Edge) -> str:
    via = f" by {edge.via}" if edge.via else ""
    return f"{edge.kind.value} {edge.source}{via}"


def _card(data_map: DataMap, name: str, colours: dict[str, str], x: float, y: float) -> str:
    dataset = data_map.datasets.get(name)
    frame = f'x="{x:.0f}" y="{y:.1f}" width="{_WIDTH}" height="{_HEIGHT}" rx="9"'
    if dataset is None:
        return (
            f'<g><title>{escape(name)}: declared nowhere</title><rect {frame} fill="#fdf1f0" stroke="{_FAULT}" stroke-dasharray="5 4"/>'
            + _text(x + 18, y + 27, name, size=15, weight=600)
            + _text(x + 18, y + 48, "declared nowhere", size=12, fill=_FAULT)
            + _text(x + 18, y + 67, "unknown provenance", size=12, fill=_SOFT)
            + "</g>"
        )
    nobody = isinstance(dataset.subject, AboutNobody)
    colour = colours.get(dataset.store, _SOFT)
    act = done_to(dataset)
    whose = f"{about(dataset)} · {_time(data_map, dataset)}"
    full = f"{name}: {placed(data_map, dataset)}; {about(dataset)}; {_time(data_map, dataset)}; {act}"
    strip = f"M{x + 9:.0f} {y:.1f} a9 9 0 0 0 -9 9 v{_HEIGHT - 18} a9 9 0 0 0 9 9 z"
    return (
        f'<g><title>{escape(full)}</title><rect {frame} fill="{_PAPER if nobody else _CARD}" stroke="{_LINE}"/>'
        f'<path d="{strip}" fill="{colour}"/>'
        + _text(x + 20, y + 27, name, size=15, weight=600, room=_WIDTH - 46 - _pill_width(act))
        + _text(x + 20, y + 48, placed(data_map, dataset), size=11.5, fill=_SOFT, family=_MONO, room=_WIDTH - 32)
        + _text(x + 20, y + 69, whose, size=12, fill=_SOFT, room=_WIDTH - 32)
        + _pill(x + _WIDTH - 12, y + 12, act, quiet=nobody or act == "kept")
        + "</g>"
    )


def _time(data_map: DataMap, dataset: Dataset) -> str:
    retention = data_map.retention.get(dataset.retention)
    return str(retention.period) if retention else "no period"


def _pill_width(word: str) -> float:
    return 6.4 * len(word) + 16


def _pill(right: float, y: float, word: str, *, quiet: bool) -> str:
    width = _pill_width(word)
    paper, ink = ("#e8ebf0", _SOFT) if quiet else ("#e3edfd", "#1d4fa8")
    return (
        f'<rect x="{right - width:.1f}" y="{y:.1f}" width="{width:.1f}" height="19" rx="9.5" fill="{paper}"/>'
        f'<text x="{right - width / 2:.1f}" y="{y + 13.3:.1f}" text-anchor="middle" font-size="11.5" font-weight="600" fill="{ink}">'
        f"{escape(word)}</text>"
    )


def _text(x: float, y: float, text: str, *, size: float, weight: int = 400, fill: str = _INK, family: str = "", room: float = 0) -> str:
    """One line; with ``room``, cut where it would be wider (letters are 0.56 of their height wide, 0.61 in a mono face)."""
    letters = int(room / (size * (0.61 if family else 0.56))) if room else len(text)
    shown = text if len(text) <= letters else text[: letters - 1].rstrip() + "…"
    face = f" font-family={quoteattr(family)}" if family else ""
    heavy = f' font-weight="{weight}"' if weight != 400 else ""
    return f'<text x="{x:.0f}" y="{y:.1f}" font-size="{size:g}"{heavy} fill="{fill}"{face}>{escape(shown)}</text>'


def _legend(stores: Iterable[StoreSpec], colours: dict[str, str], y: float) -> list[str]:
    parts, x = [], float(_MARGIN)
    for kind, label in ((EdgeKind.DERIVED, "derived from"), (EdgeKind.THROUGH, "found through"), (EdgeKind.NAMED, "named by")):
        colour, stroke, dashes = _STROKES[kind]
        parts.append(
            f'<path d="M{x:.0f} {y - 4:.0f} h30" stroke="{colour}" stroke-width="{stroke}" stroke-dasharray="{dashes or "none"}"/>'
        )
        parts.append(_text(x + 38, y, label, size=12, fill=_SOFT))
        x += 54 + 6.6 * len(label)
    x += 14
    for store in stores:
        label = f"{store.name} ({store.kind})"
        parts.append(f'<rect x="{x:.0f}" y="{y - 10:.0f}" width="11" height="11" rx="3" fill="{colours[store.name]}"/>')
        parts.append(_text(x + 18, y, label, size=12, fill=_SOFT))
        x += 38 + 6.6 * len(label)
    return parts
