"""Parse the bytes of a map into a small tree that keeps lines and the spelling of each word. Nothing is guessed or coerced."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import yaml

from expunge.maps.document.faults import FaultCollector, MapFault

MAX_BYTES = 1 << 20
MAX_DEPTH = 12
MAX_NODES = 50_000
KEPT = 8
"""Documents whose trees a process keeps: each command reads the map that is there and the one that was applied."""

_TYPES = {"bool": "a yes/no value", "int": "a number", "float": "a number", "null": "nothing", "timestamp": "a date"}
_FORM = 'key: value, with two spaces for each level; text that holds : # { [ & * or % stands in "..."'
_STR = "tag:yaml.org,2002:str"


@dataclass(frozen=True)
class ScalarNode:
    """One word or sentence, as written."""

    text: str
    line: int
    read_as: str = ""
    """Non-empty: YAML would take it for something else than text (``int``, ``bool`` ...)."""

    @property
    def trap(self) -> str:
        """The value that YAML makes of it, in words; empty for text."""
        return _TYPES.get(self.read_as, self.read_as)


@dataclass(frozen=True)
class ListNode:
    """A list."""

    items: tuple[Value, ...]
    line: int


@dataclass(frozen=True)
class TableNode:
    """Keys and values, in the order of the file."""

    entries: tuple[tuple[ScalarNode, Value], ...]
    line: int

    def get(self, key: str) -> Value | None:
        """The value under a key, if there is one."""
        return next((value for name, value in self.entries if name.text == key), None)

    def line_of(self, key: str) -> int:
        """The line of a key, or of the table."""
        return next((name.line for name, _ in self.entries if name.text == key), self.line)


Value: TypeAlias = ScalarNode | ListNode | TableNode


def load(data: bytes, faults: FaultCollector) -> Value | None:
    """Read one YAML document; None after noting why not. A map cannot make the reader spend more than its size."""
    tree, found = _read(data)
    for fault in found:
        faults.add(fault.rule, fault.line, fault.what, fault.write_instead)
    return tree


@lru_cache(maxsize=KEPT)
def _read(data: bytes) -> tuple[Value | None, tuple[MapFault, ...]]:
    """Return the tree and the faults of a document. They follow from its bytes alone, and a process asks for one map many times."""
    faults = FaultCollector("")
    return _tree(data, faults), tuple(faults.found)


def _tree(data: bytes, faults: FaultCollector) -> Value | None:
    text = _decode(data, faults)
    events = None if text is None else _bounded(text, faults)
    if events is None:
        return None
    root = _Composer(events).get_single_node()
    if root is None:
        faults.add("empty", 1, "the file is empty", "version: 1, and what follows it in the reference; expunge init proposes a first map")
        return None
    return _convert(root, faults)


def _decode(data: bytes, faults: FaultCollector) -> str | None:
    if len(data) > MAX_BYTES:
        faults.add("too-big", 1, "the file is larger than 1 MiB", "datasets, not single files: path templates such as {recording_id}")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        faults.add("syntax", line, "the file is not UTF-8 text", "save it as UTF-8")
        return None
    strange = re.search(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\ufeff", text)
    if strange:
        line = text.count("\n", 0, strange.start()) + 1
        faults.add("syntax", line, f"character U+{ord(strange[0]):04X} is not allowed in YAML", "the line without it")
        return None
    broken = re.search("[\x85\u2028\u2029]|\r(?!\n)", text)
    if broken:
        # Why refused: the lines of all faults below it would not be those that an editor shows.
        line = text.count("\n", 0, broken.start()) + 1
        faults.add("syntax", line, f"character U+{ord(broken[0]):04X} breaks lines for YAML and for no editor", "an ordinary line break")
        return None
    return text


class _Composer(yaml.composer.Composer, yaml.resolver.Resolver):
    """Builds the tree of nodes out of events that were parsed before."""

    def __init__(self, events: list[yaml.Event]) -> None:
        yaml.composer.Composer.__init__(self)
        yaml.resolver.Resolver.__init__(self)
        self.events = deque(events)

    def check_event(self, *kinds: type[yaml.Event]) -> bool:
        """Return whether the next event is of one of the kinds; any will do where none is named."""
        return bool(self.events) and (not kinds or isinstance(self.events[0], kinds))

    def peek_event(self) -> yaml.Event:
        """Return the next event, which stays."""
        return self.events[0]

    def get_event(self) -> yaml.Event:
        """Take the next event."""
        return self.events.popleft()


def _bounded(text: str, faults: FaultCollector) -> list[yaml.Event] | None:
    """Walk the events, which needs no recursion, and refuse what could make the tree explode or mean two things."""
    events: list[yaml.Event] = []
    depth = documents = 0
    line = 1
    try:
        for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
            events.append(event)
            line = event.start_mark.line + 1 if event.start_mark else line
            documents += isinstance(event, yaml.DocumentStartEvent)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.NodeEvent) and event.anchor:
                faults.add("anchor", line, "anchors (&) and aliases (*) are not used here", "the value itself, written out")
                return None
            if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag:
                faults.add("tag", line, "tags (!) are not used here", "the value without its tag")
                return None
            if isinstance(event, yaml.ScalarEvent) and re.search(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", event.value):
                faults.add("syntax", line, "an escape makes a control character or half a character", "the text without it")
                return None
            if depth > MAX_DEPTH or count > MAX_NODES:
                faults.add("too-deep", line, "the file is nested too deep or has too many entries", _FORM)
                return None
            if documents > 1:
                faults.add("syntax", line, "a second document begins here (---)", "one document; remove the line ---")
                return None
    except yaml.MarkedYAMLError as error:
        _syntax(error, text, faults)
        return None
    except (ValueError, OverflowError):
        # PyYAML lets chr() fail on an escape beyond the last character, without a mark of its own.
        beyond = re.search(r"\\U(?!0010|000[0-9A-Fa-f])[0-9A-Fa-f]{8}", text)
        line = text.count("\n", 0, beyond.start()) + 1 if beyond else line
        faults.add("syntax", line, "an escape sequence (\\x, \\u, \\U) names no character", "the character itself")
        return None
    return events


def _syntax(error: yaml.MarkedYAMLError, text: str, faults: FaultCollector) -> None:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()
    if line <= len(lines) and re.match(r" *\t", lines[line - 1]):
        faults.add("tab", line, "the line is indented with a tab", "two spaces for each level")
        return
    # The snippet that PyYAML offers is left out: the line may hold a password.
    what = " ".join(part for part in (error.context, error.problem) if part)
    faults.add("syntax", line, f"this is not YAML: {what}", _FORM)


def _convert(node: yaml.Node, faults: FaultCollector) -> Value:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        return ListNode(tuple(_convert(each, faults) for each in node.value), line)
    if isinstance(node, yaml.MappingNode):
        return TableNode(tuple(_entries(node, faults)), line)
    read_as = "" if node.tag == _STR else node.tag.rsplit(":", 1)[-1]
    return ScalarNode(str(node.value), line, read_as)


def _entries(node: yaml.MappingNode, faults: FaultCollector) -> Iterator[tuple[ScalarNode, Value]]:
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        key = _convert(key_node, faults)
        if not isinstance(key, ScalarNode):
            faults.add("wrong-type", key.line, "a list or a table stands where a name should", "name: value")
            continue
        if key.text in seen:
            what = f"{key.text!r} stands here for the second time (first on line {seen[key.text]})"
            faults.add("duplicate-key", key.line, what, "one entry; give the other another name or remove it")
            continue
        seen[key.text] = key.line
        yield key, _convert(value_node, faults)
