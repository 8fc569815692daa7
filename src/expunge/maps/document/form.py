"""Checks that every section of a map shares: take a value as text, list or table, or note why it has another form."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from expunge.maps.document.faults import FaultCollector, did_you_mean
from expunge.maps.document.nodes import ListNode, ScalarNode, TableNode, Value

T = TypeVar("T")

_EXAMPLES = {
    "version": "version: 1",
    "stores": "stores: {media: {kind: files, url: ./media}}",
    "datasets": "datasets: {}, or what the stores hold",
    "kind": "kind: files",
    "url": "url: ./media",
    "store": "store: media",
    "dataset": "dataset: accounts",
    "key": "key: account_id",
    "period": "period: 90 days",
    "from": "from: recorded_at",
    "purpose": "purpose: what the data is used for",
    "need": "need: why that needs the data",
    "reason": "reason: why it holds no personal data",
    "description": "description: what people are told the data is used for",
    "needs": "needs: consent",
    "use": "use: training",
    "file": "file: consent/training-1.md",
    "through": "through: recordings",
    "via": "via: recording_id",
}

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Form:
    """Takes values; each method answers None (or nothing) after noting a fault. ``what`` names the value: ``datasets.recordings.path``."""

    faults: FaultCollector
    environ: Mapping[str, str]

    def table(self, value: Value, what: str, keys: Collection[str] | None = None, required: Collection[str] = ()) -> TableNode | None:
        """A table with these keys at most (None: any) and those at least."""
        if not isinstance(value, TableNode):
            self.faults.add(
                "wrong-type", value.line, f"{what} is {_kind(value)}, a table is needed", f"{what.rsplit('.', 1)[-1]}: {{key: value}}"
            )
            return None
        if keys is not None:
            for name, _ in value.entries:
                if name.text not in keys:
                    hint = "merging (<<) is not used here: write the keys out" if name.text == "<<" else did_you_mean(name.text, keys)
                    self.faults.add("unknown-key", name.line, f"{what} has no key {name.text!r}", hint)
        for key in required:
            if value.get(key) is None:
                self.faults.add("missing-key", value.line, f"{what} lacks {key!r}", _EXAMPLES.get(key, f"{key}: text"))
        return value

    def named(self, root: TableNode, section: str) -> Iterator[tuple[ScalarNode, Value]]:
        """Return the entries of a section whose keys are names of the author's choice."""
        value = root.get(section)
        table = self.table(value, section) if value is not None else None
        for name, entry in table.entries if table else ():
            if name.read_as:
                self.faults.add(
                    "coerced-value", name.line, f"the name {name.text!r} is read by YAML as {name.trap}", f'"{name.text}": or another name'
                )
            elif not _NAME.fullmatch(name.text):
                what = f"{name.text!r} is no name: letters, digits, '_', '-' and '.', beginning with a letter, at most 63"
                self.faults.add("bad-name", name.line, what, re.sub(r"[^A-Za-z0-9_.-]+", "_", name.text).strip("_.-")[:40] or "a_name")
            yield name, entry

    def text(self, value: Value | None, what: str) -> str | None:
        """Text that is not empty and that YAML takes for text."""
        if value is None:
            return None
        key = what.rsplit(".", 1)[-1]
        if not isinstance(value, ScalarNode):
            self.faults.add("wrong-type", value.line, f"{what} is {_kind(value)}, text is needed", f"{key}: text")
            return None
        if value.read_as == "null" or not value.text.strip():
            self.faults.add("not-text", value.line, f"{what} is empty", f"{key}: text")
            return None
        if value.read_as:
            self.faults.add(
                "coerced-value",
                value.line,
                f"{what}: {value.text} is read by YAML as {value.trap}, text is needed",
                f'{key}: "{value.text}"',
            )
            return None
        return value.text

    def texts(self, value: Value | None, what: str, *, one_is_enough: bool = False) -> tuple[str, ...]:
        """A list of different texts; with ``one_is_enough``, a single text stands for a list of one."""
        if value is None:
            return ()
        if one_is_enough and isinstance(value, ScalarNode):
            only = self.text(value, what)
            return () if only is None else (only,)
        if not isinstance(value, ListNode):
            key = what.rsplit(".", 1)[-1]
            self.faults.add("wrong-type", value.line, f"{what} is {_kind(value)}, a list is needed", f"{key}: [first, second]")
            return ()
        found: list[str] = []
        for item in value.items:
            text = self.text(item, what)
            if text in found:
                self.faults.add("duplicate-item", item.line, f"{what} names {text!r} twice", "each once")
            elif text is not None:
                found.append(text)
        return tuple(found)

    def parsed(self, value: Value | None, what: str, rule: str, parse: Callable[[str], T], *, shown: bool = True) -> T | None:
        """Return text that ``parse`` understands. The message of its ValueError gives the correction. Numbers may stand without quotes.

        Text that may hold a password by mistake is not ``shown`` in the fault.
        """
        if isinstance(value, ScalarNode) and value.read_as in {"int", "float"}:
            value = ScalarNode(value.text, value.line)
        text = self.text(value, what)
        if text is None or value is None:
            return None
        try:
            return parse(text)
        except ValueError as error:
            said = f"{what}: {text!r} is not understood" if shown else f"{what} is not understood, or has a password in it"
            self.faults.add(rule, value.line, said, str(error))
            return None

    def filled(self, value: Value | None, what: str) -> str | None:
        """Text with each ``${NAME}`` replaced from the environment. The result may be a secret: no message may show it."""
        text = self.text(value, what)
        if text is None or value is None:
            return None
        missing = [name for name in _VARIABLE.findall(text) if not _VARIABLE_NAME.fullmatch(name) or not self.environ.get(name)]
        for name in missing:
            if _VARIABLE_NAME.fullmatch(name):
                self.faults.add(
                    "missing-environment", value.line, f"{what}: the environment has no {name}", f"export {name}=... before running expunge"
                )
            else:
                self.faults.add("missing-environment", value.line, f"{what}: ${{{name}}} names no variable", "${NAME}")
        return None if missing else _VARIABLE.sub(lambda match: self.environ[match[1]], text)


def _kind(value: Value) -> str:
    match value:
        case ScalarNode(read_as=read_as) if read_as:
            return value.trap
        case ScalarNode():
            return "text"
        case ListNode():
            return "a list"
        case TableNode():
            return "a table"
