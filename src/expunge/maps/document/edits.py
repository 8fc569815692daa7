"""Change single keys of an entry of a map and leave every other byte as it is: comments, order, line breaks, quotes.

Each change is read back: what YAML reads afterwards is what it read before, with that change and no other.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import yaml

GUESS = "guess"
"""The key whose place a new one takes."""


class CannotEdit(ValueError):
    """The change cannot be made in the form in which the entry is written."""


def changed_entry(text: str, section: str, name: str, *, put: Mapping[str, str], drop: Collection[str] = ()) -> str:
    """Return the text with some keys of an entry written and others taken out.

    Args:
        text: a whole map that can be read.
        section: such as ``datasets``.
        name: the entry.
        put: key -> its value as YAML, in one line.
        drop: keys to be taken out, where they are.

    Raises:
        CannotEdit: where there is no such entry, or the result would say anything else as well.
    """
    expected = _read(text)
    try:
        entry = expected[section][name]
        for key, value in put.items():
            entry[key] = _read(value)
    except (KeyError, TypeError, yaml.YAMLError) as error:
        message = f"{section}.{name} cannot be changed like that"
        raise CannotEdit(message) from error
    for key in drop:
        entry.pop(key, None)
    done = text
    for key, value in put.items():
        done = _with(done, section, name, key, value)
    for key in drop:
        done = _without(done, section, name, key)
    return _checked(done, expected, f"{section}.{name}")


def moved_to_list(text: str, section: str, name: str, listed: str, items: Sequence[str]) -> str:
    """Return the text without an entry, and with items (YAML in one line each) at the end of a list such as ``ignore``.

    Raises CannotEdit as :func:`changed_entry`.
    """
    expected = _read(text)
    try:
        del expected[section][name]
        expected[listed] = [*(expected.get(listed) or ()), *(_read(item) for item in items)]
    except (KeyError, TypeError, yaml.YAMLError) as error:
        message = f"{section}.{name} cannot be moved to {listed}"
        raise CannotEdit(message) from error
    break_ = "\r\n" if "\r\n" in text else "\n"
    there = _value(_composed(text), listed)
    if isinstance(there, yaml.SequenceNode) and there.value and not there.flow_style:
        at, indent = _line_end(text, _end(text, there)), " " * there.start_mark.column
        head = "" if text[:at].endswith("\n") else break_
    elif there is not None:
        message = f"{listed} is no list of lines: put {section}.{name} there by hand"
        raise CannotEdit(message)
    else:
        at, indent = len(text), "  "
        head = ("" if text.endswith("\n") else break_) + f"{break_}{listed}:{break_}"
    done = text[:at] + head + "".join(f"{indent}- {item}{break_}" for item in items) + text[at:]
    for key, value in _pairs(_value(_composed(done), section)):
        if key.value == name:
            done = done[: key.start_mark.index - key.start_mark.column] + done[_line_end(done, _end(done, value)) :]
    return _checked(done, expected, f"{section}.{name}")


def without_line(text: str, section: str, name: str, comments: Collection[str]) -> str:
    """Return the text without some lines of comment of an entry, given without their indentation."""
    entry = _entry(text, section, name)
    if entry is None:
        return text
    start, end = text.rfind("\n", 0, entry.start_mark.index) + 1, _line_end(text, _end(text, entry))
    lines = text[start:end].splitlines(keepends=True)
    return text[:start] + "".join(line for line in lines if line.strip() not in comments) + text[end:]


def entry_lines(text: str, section: str, name: str) -> tuple[str, ...]:
    """Return the lines of an entry, its name first."""
    root = _composed(text)
    found = next(((key, value) for key, value in _pairs(_value(root, section)) if key.value == name), None)
    if found is None:
        return ()
    return tuple(text[found[0].start_mark.index - found[0].start_mark.column : _line_end(text, _end(text, found[1]))].splitlines())


def _checked(done: str, expected: Any, what: str) -> str:
    try:
        same = _read(done) == expected
    except yaml.YAMLError:
        same = False
    if not same:
        message = f"{what} is written in a form in which this change cannot be made: change the file by hand"
        raise CannotEdit(message)
    return done


def _with(text: str, section: str, name: str, key: str, value: str) -> str:
    entry = _entry(text, section, name)
    if entry is None or not entry.value:
        message = f"{section}.{name} has no keys"
        raise CannotEdit(message)
    old = _value(entry, key)
    if old is not None:
        return text[: old.start_mark.index] + value + text[_end(text, old) :]
    last = _end(text, entry.value[-1][1])
    if entry.flow_style:
        return f"{text[:last]}, {key}: {value}{text[last:]}"
    break_ = "\r\n" if "\r\n" in text else "\n"
    before = next((each for each, _ in entry.value if each.value == GUESS), None)
    indent = " " * entry.value[0][0].start_mark.column
    if before is not None:
        at = before.start_mark.index - before.start_mark.column
        return f"{text[:at]}{indent}{key}: {value}{break_}{text[at:]}"
    at = _line_end(text, last)
    ended = "" if text[:at].endswith("\n") else break_
    return f"{text[:at]}{ended}{indent}{key}: {value}{break_}{text[at:]}"


def _without(text: str, section: str, name: str, key: str) -> str:
    entry = _entry(text, section, name)
    pairs = [] if entry is None else entry.value
    at = next((number for number, (each, _) in enumerate(pairs) if each.value == key), None)
    if entry is None or at is None:
        return text
    node, value = pairs[at]
    end = _end(text, value)
    if not entry.flow_style:
        return text[: node.start_mark.index - node.start_mark.column] + text[_line_end(text, end) :]
    if at:
        return text[: _end(text, pairs[at - 1][1])] + text[end:]
    return text[: node.start_mark.index] + text[pairs[1][0].start_mark.index if len(pairs) > 1 else end :]


def _read(text: str) -> Any:
    """Read as text and structure alone, so that two readings differ where one character of a value does."""
    return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes text, lists and tables, and nothing else


def _composed(text: str) -> yaml.Node | None:
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _entry(text: str, section: str, name: str) -> yaml.MappingNode | None:
    found = _value(_value(_composed(text), section), name)
    return found if isinstance(found, yaml.MappingNode) else None


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    return next((value for each, value in _pairs(node) if each.value == key), None)


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _end(text: str, node: yaml.Node) -> int:
    """Where a value ends: the parser lets tables and texts of several lines reach to what comes next."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    return start + len(re.sub(r"\s+\Z", "", text[start:end]))


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1
