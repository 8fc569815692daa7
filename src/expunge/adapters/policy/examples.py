"""Examples beside rules: a question, the answer that is expected, and the rules that give it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from expunge.adapters.policy.cedar_policy import CedarPolicy
from expunge.adapters.policy.policy_folder import SHIPPED
from expunge.adapters.policy.rule_files import OWN
from expunge.core.accounts.review_spec import ReviewLimits
from expunge.core.journal.policy_events import PolicySet
from expunge.core.journal.review_words import DeskAct
from expunge.core.review.policy_rules import PolicyFault
from expunge.core.review.question import ViewQuestion
from expunge.core.values import codec
from expunge.errors import Misconfigured, StateCorrupt

SUFFIX = ".examples.yaml"
_BASES = "rules/acts.yaml"
_MEND = "- {case: the training lapsed, act: view, with: {trained_days: 365}, refused: [training-lapsed]}"
_KEYS = frozenset({"case", "act", "with", "map", "allowed", "refused"})


@dataclass(frozen=True)
class Example:
    """One example."""

    file: str
    line: int
    case: str
    question: ViewQuestion
    limits: Mapping[str, Any]
    """Numbers of the map that are others than those of the set."""
    allowed: bool
    rules: tuple[str, ...]
    """Sorted: every rule that permits, or every rule that refuses."""


@lru_cache(1)
def bases() -> Mapping[DeskAct, ViewQuestion]:
    """Return, for each act, a question whose answer allows it: an example says what is different."""
    read = yaml.safe_load((resources.files(__package__) / _BASES).read_text("utf-8"))
    shared = read.pop("every act")
    return {act: changed(ViewQuestion(act), {**shared, **read[act.value]}) for act in DeskAct}


def shipped_examples() -> tuple[Example, ...]:
    """Return the examples beside the shipped rules."""
    folder = resources.files(__package__) / "rules"
    named = sorted((each.name, each.read_text("utf-8")) for each in folder.iterdir() if each.name.endswith(SUFFIX))
    return tuple(example for name, text in named for example in read_examples(SHIPPED + name, text))


def own_examples(folder: str) -> tuple[Example, ...]:
    """Return the examples in a company's folder. Raises Misconfigured for one that cannot be read, with the file and the line."""
    found: list[Example] = []
    for path in sorted(Path(folder).glob(f"*{SUFFIX}")) if folder else ():
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            message = f"the examples in {path} cannot be read"
            raise Misconfigured(message, help="a text in UTF-8 that the account of this process may read") from error
        found += read_examples(OWN + path.name, text)
    return tuple(found)


def read_examples(file: str, text: str) -> Iterator[Example]:
    """Yield the examples of a file. Raises Misconfigured for one that cannot be read, with the line."""
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        for item in node.value if isinstance(node, yaml.SequenceNode) else _not_a_list(file, node):
            line = item.start_mark.line + 1
            try:
                yield _example(file, line, loader.construct_object(item, deep=True))
            except (KeyError, TypeError, ValueError, AttributeError, StateCorrupt) as error:
                message = f"{file}:{line}: the example that begins here cannot be read: {error}"
                raise Misconfigured(message, help=_MEND) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        message = f"{file}:{mark.line + 1 if mark else 1}: not YAML"
        raise Misconfigured(message, help=_MEND) from error
    finally:
        loader.dispose()


def try_examples(policies: PolicySet, examples: tuple[Example, ...]) -> tuple[PolicyFault, ...]:
    """Return the examples that a set decides in another way. Raises Misconfigured for a mistake in the set."""
    compiled: dict[ReviewLimits, CedarPolicy] = {}
    faults = []
    for example in examples:
        limits = replace(policies.limits, **example.limits)
        if limits not in compiled:
            compiled[limits] = CedarPolicy(PolicySet(policies.files, limits))
        answer = compiled[limits].decide(example.question)
        if (answer.allowed, answer.rules) != (example.allowed, example.rules):
            text = (
                f"{example.case}: expected {_told(example.allowed, example.rules)}, and the answer is {_told(answer.allowed, answer.rules)}"
            )
            faults.append(PolicyFault(example.file, example.line, text, "mend the rule, or the example"))
    return tuple(faults)


def _told(allowed: bool, rules: tuple[str, ...]) -> str:
    return f"{'allowed' if allowed else 'refused'} by {', '.join(rules) or 'none'}"


def _not_a_list(file: str, node: yaml.Node | None) -> list[yaml.Node]:
    if node is None:
        return []
    message = f"{file}:{node.start_mark.line + 1}: examples are a list"
    raise Misconfigured(message, help=_MEND)


def _example(file: str, line: int, read: Mapping[str, Any]) -> Example:
    if strange := sorted(read.keys() - _KEYS):
        message = f"{strange[0]!r} does not belong here"
        raise ValueError(message)
    if ("allowed" in read) == ("refused" in read):
        raise ValueError("it says either `allowed` or `refused`")
    base = bases()[DeskAct(read["act"])]
    limits = dict(read.get("map", {}))
    for name, value in limits.items():
        if name not in ReviewLimits.__dataclass_fields__ or name == "hours":
            message = f"{name!r} is no number of the map"
            raise ValueError(message)
        limits[name] = tuple(value) if isinstance(value, list) else value
    rules = tuple(sorted(read["allowed"] if "allowed" in read else read["refused"]))
    return Example(file, line, str(read["case"]), changed(base, read.get("with", {})), limits, "allowed" in read, rules)


def changed(base: ViewQuestion, changes: Mapping[str, Any]) -> ViewQuestion:
    """Return a question with other facts, by their names and in words of JSON. Raises ValueError, StateCorrupt for those that are none."""
    stored = codec.to_json(base)
    assert isinstance(stored, dict)
    for name in changes:
        if name not in stored or name in ("is", "action"):
            message = f"a question has no fact {name!r}"
            raise ValueError(message)
    question: ViewQuestion = codec.from_json(ViewQuestion, stored | dict(changes))
    return question
