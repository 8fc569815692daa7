"""Read rules of noticing from YAML: those of the package, a company's stricter ones, and the examples beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from expunge.core.noticing.measures import Measure
from expunge.core.noticing.rules import NoticingRule, Rulebook
from expunge.errors import Misconfigured

SHIPPED, EXAMPLES = "noticing.yaml", "noticing.examples.yaml"
LARGEST = 1 << 18
"""Bytes of a file of rules."""
_MOST = 10_000_000
_KEYS = {"rule", "says", "measure", "of", "at_least", "far", "always", "alone"}
_OWN_KEYS = {"rule", "at_least", "far", "always", "alone"}
_MEND = "together: 2, and rules such as {rule: bedrooms, at_least: 120, far: 4}"
_PEERS = ("usual", "few days", "none")


@dataclass(frozen=True)
class NoticingExample:
    """One day of a reviewer beside the rules, and what is expected of them."""

    line: int
    case: str
    peers: str
    """``usual``, ``few days`` or ``none``."""
    numbers: Mapping[Measure, int]
    noticed: tuple[str, ...]
    untold: tuple[str, ...]
    finding: bool


class NoticingRules:
    """Implements :class:`expunge.ports.noticing.rule_sources.RuleSource`."""

    def __init__(self, own: str = "") -> None:
        """Read nothing yet.

        Args:
            own: the path of the company's file; empty for none.
        """
        self._own = own

    def rulebook(self) -> Rulebook:
        """See the port."""
        shipped = shipped_rules()
        return own_rules(Path(self._own), shipped) if self._own else shipped


@lru_cache(1)
def shipped_rules() -> Rulebook:
    """Return the rules of the package."""
    text = (resources.files(__package__) / "rules" / SHIPPED).read_text("utf-8")
    read = _Document(SHIPPED, text)
    rules = tuple(read.rule(line, item, None) for line, item in read.items())
    return Rulebook(tuple(sorted(rules, key=lambda rule: rule.name)), read.number("together", 1, 10) or 2)


def own_rules(path: Path, shipped: Rulebook) -> Rulebook:
    """Return the rules of the package made stricter by a file. Raises Misconfigured, with the file and the line."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"the rules of noticing in {path} cannot be read"
        raise Misconfigured(message, help="a text in UTF-8 that the account of this process may read") from error
    if len(data) > LARGEST:
        message = f"{path} is larger than {LARGEST >> 10} KiB"
        raise Misconfigured(message, help="keep rules in this file, and nothing else")
    read = _Document(path.name, text)
    known, found = {rule.name: rule for rule in shipped.rules}, shipped
    named: set[str] = set()
    for line, item in read.items():
        name = str(item.get("rule", "")) if isinstance(item, dict) else ""
        if name not in known or name in named:
            why = "stands here twice" if name in named else "is none of the package"
            raise read.fault(line, f"the rule {name!r} {why}", f"one of {', '.join(known)}")
        named.add(name)
        try:
            found = found.tightened([read.rule(line, item, known[name])])
        except ValueError as error:
            raise read.fault(line, str(error), _MEND) from error
    together = read.number("together", 1, shipped.together)
    return found if together is None else found.tightened((), together)


def shipped_examples() -> tuple[NoticingExample, ...]:
    """Return the examples beside the rules."""
    text = (resources.files(__package__) / "rules" / EXAMPLES).read_text("utf-8")
    read = _Document(EXAMPLES, text, listed=True)
    return tuple(_example(read, line, item) for line, item in read.items())


class _Document:
    """A file of YAML whose list is read item by item, each with its line."""

    def __init__(self, file: str, text: str, *, listed: bool = False) -> None:
        self._file, self._items, self._whole = file, list[tuple[int, Any]](), dict[str, Any]()
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            rules = node
            if not listed and node is not None:
                rules = self._head(loader, node)
            if rules is None:
                return
            if not isinstance(rules, yaml.SequenceNode):
                raise self.fault(rules.start_mark.line + 1, "a list is missing", _MEND)
            self._items = [(item.start_mark.line + 1, loader.construct_object(item, deep=True)) for item in rules.value]
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            raise self.fault(mark.line + 1 if mark else 1, "not YAML", _MEND) from error
        finally:
            loader.dispose()

    def _head(self, loader: yaml.SafeLoader, node: yaml.Node) -> yaml.Node | None:
        """Read what stands beside the list, and return the list; None where there is none."""
        if not isinstance(node, yaml.MappingNode):
            raise self.fault(node.start_mark.line + 1, "`rules:` is missing", _MEND)
        rules = None
        for key, value in node.value:
            name = str(key.value)
            if name == "rules":
                rules = value
            elif name == "together":
                self._whole[name] = (key.start_mark.line + 1, loader.construct_object(value, deep=True))
            else:
                raise self.fault(key.start_mark.line + 1, f"{name[:40]!r} does not belong here", _MEND)
        return rules

    def items(self) -> Iterator[tuple[int, Any]]:
        """Yield line and value of each item."""
        yield from self._items

    def number(self, name: str, least: int, most: int) -> int | None:
        """Return a number that stands beside the list; None where it does not."""
        if name not in self._whole:
            return None
        line, value = self._whole[name]
        return self._whole_number(line, name, value, (least, most))

    def rule(self, line: int, item: Any, before: NoticingRule | None) -> NoticingRule:
        """Return one rule; with ``before`` that rule with what a company's file changes."""
        keys = _KEYS if before is None else _OWN_KEYS
        if not isinstance(item, dict) or not item.keys() <= keys:
            strange = sorted(str(key)[:40] for key in item.keys() - keys) if isinstance(item, dict) else ["this"]
            raise self.fault(line, f"{strange[0]!r} does not belong here", f"a rule has {', '.join(sorted(keys))}")
        changes: dict[str, Any] = {
            key: self._whole_number(line, key, item[key], (1, _MOST)) for key in ("at_least", "always") if item.get(key) is not None
        }
        if "far" in item:
            far = item["far"]
            if isinstance(far, bool) or not isinstance(far, int | float) or not 2 <= far <= 100:
                raise self.fault(line, "far: from 2 to 100 standard deviations", "far: 4.5")
            changes["far"] = round(far * 100)
        if "alone" in item:
            if not isinstance(item["alone"], bool):
                raise self.fault(line, "alone: true or false", "alone: true")
            changes["alone"] = item["alone"]
        if before is not None:
            return replace(before, **changes)
        try:
            of = Measure(item["of"]) if "of" in item else None
            return NoticingRule(name=item["rule"], says=item["says"], measure=Measure(item["measure"]), of=of, **changes)
        except (KeyError, ValueError, TypeError) as error:
            raise self.fault(line, f"the rule that begins here cannot be read: {error}", _MEND) from error

    def _whole_number(self, line: int, name: str, value: Any, bounds: tuple[int, int]) -> int:
        least, most = bounds
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.fault(line, f"{name}: a whole number from {least} to {most}", f"{name}: {least}")
        return int(value)

    def fault(self, line: int, text: str, mend: str) -> Misconfigured:
        """Return the error for a line."""
        return Misconfigured(f"{self._file}:{line}: {text}", help=mend)


def _example(read: _Document, line: int, item: Any) -> NoticingExample:
    try:
        if item["peers"] not in _PEERS:
            raise ValueError(item["peers"])
        numbers = {Measure(name): int(value) for name, value in item["day"].items()}
        noticed, untold = tuple(item["noticed"]), tuple(item.get("untold", ()))
        return NoticingExample(line, item["case"], item["peers"], numbers, noticed, untold, item["finding"])
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise read.fault(line, f"the example that begins here cannot be read: {error}", "") from error
