"""The policies of the review desk: those in force as verbs of an installation, those of a map, and what `check` finds in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from expunge.bootstrap.open_state import read_installed
from expunge.bootstrap.service import DomainService
from expunge.core.accounts.review_spec import ReviewSpec
from expunge.core.datamap.datamap import DataMap
from expunge.core.journal.policy_events import PolicyPublished, PolicySet, PolicyWithdrawn
from expunge.core.journal.review_words import DeskAct
from expunge.core.review.policy_rules import PolicyFault, PolicyRule
from expunge.core.review.question import PolicyAnswer, ViewQuestion
from expunge.core.values.copy import Finding, FindingKind
from expunge.engine.review import policies, replay
from expunge.engine.review.replay import ViewReplay
from expunge.errors import Misconfigured, StateCorrupt, UsageError
from expunge.ports.review.policy import ReviewPolicy
from expunge.ports.review.policy_sets import PolicySets

if TYPE_CHECKING:
    from expunge.adapters.policy.examples import Example

_SECTION = "review"


@dataclass(frozen=True)
class MappedPolicies:
    """The policies that a map names, sound or not in force yet."""

    policies: PolicySet
    rules: tuple[PolicyRule, ...]
    """By file and line; the shipped ones first."""
    examples: tuple[Example, ...]


class PolicyService(DomainService):
    """Policies of one installation."""

    def in_force(self) -> ReviewPolicy:
        """Return the policies that decide from now on, once the journal has them; see :func:`expunge.engine.review.policies.in_force`."""
        with self.changing():
            return policies.in_force(self.context, sets_of(self.context.data_map))

    def history(self) -> tuple[PolicyPublished | PolicyWithdrawn, ...]:
        """Return every set that was in force, oldest first."""
        return tuple(policies.published(self.context))

    def replay(self, since: datetime | None = None, by: str = "") -> ViewReplay:
        """Hold the views of staff against the policies in force at each, and enter that a person did.

        Args:
            since: the time from which on; a year ago without it.
            by: the person's name; entered where it is given.

        Raises as :func:`expunge.engine.review.replay.replay`; UsageError for a name that claims an authority.
        """
        found = replay.replay(self.context, _folder(self.context.data_map.review or ReviewSpec()), since)
        if by:
            with self.changing():
                replay.enter(self.context, found, by)
        return found

    def decided(self, question: ViewQuestion, digest: str = "", at: datetime | None = None) -> PolicyAnswer:
        """Return the answer of an earlier set: by the beginning of its digest, or of a time. Raises UsageError, Misconfigured."""
        found = policies.set_of(self.context, digest) if digest or at is None else policies.set_at(self.context, at)
        if found is None:
            return policies.NothingGranted(policies.NOTHING_IN_FORCE).decide(question)
        return _folder(self.context.data_map.review or ReviewSpec()).compiled(found).decide(question)


def sets_of(data_map: DataMap) -> PolicySets | None:
    """Return what reads and compiles the policies of a map; None for a map without a review desk. Raises Misconfigured without Cedar."""
    return None if data_map.review is None else _folder(data_map.review)


def mapped(map_path: Path | str | None = None) -> MappedPolicies:
    """Return the policies that a map names, with their examples. Raises Misconfigured for a mistake, with the file and the line."""
    spec = _spec(read_installed(map_path))
    current = _folder(spec).current()
    from expunge.adapters.policy import examples
    from expunge.adapters.policy.rule_files import read_rules

    found = read_rules(current)
    found.require_sound()
    return MappedPolicies(current, found.rules, (*examples.shipped_examples(), *examples.own_examples(spec.policies)))


def asked(question: ViewQuestion, map_path: Path | str | None = None) -> PolicyAnswer:
    """Return the answer that the policies of a map give. Raises Misconfigured for a mistake in them."""
    found = _folder(_spec(read_installed(map_path)))
    return found.compiled(found.current()).decide(question)


def question(act: str, changes: Mapping[str, str]) -> ViewQuestion:
    """Return a question about an act with everything in order, but for some facts in words. Raises UsageError for words that are none."""
    _folder(ReviewSpec())
    from yaml import YAMLError, safe_load

    from expunge.adapters.policy import examples

    try:
        read = {name: safe_load(word) for name, word in changes.items()}
        return examples.changed(examples.bases()[DeskAct(act)], read)
    except (ValueError, TypeError, StateCorrupt, YAMLError) as error:
        message = f"the question cannot be asked: {error}"
        raise UsageError(
            message, help=f"an act ({', '.join(DeskAct)}), and facts such as room=bedroom trained_days=400 child=true"
        ) from error


def tried(found: MappedPolicies) -> tuple[PolicyFault, ...]:
    """Return the examples that come out in another way than they say.

    Shipped ones are held against the shipped rules alone, which rules of a company's own may refuse more than.
    """
    from expunge.adapters.policy import examples
    from expunge.adapters.policy.policy_folder import shipped_files
    from expunge.adapters.policy.rule_files import OWN

    own = tuple(each for each in found.examples if each.file.startswith(OWN))
    shipped = tuple(each for each in found.examples if not each.file.startswith(OWN))
    standard = PolicySet(shipped_files(), ReviewSpec().limits)
    return (*examples.try_examples(standard, shipped), *examples.try_examples(found.policies, own))


def untried(found: MappedPolicies) -> tuple[PolicyRule, ...]:
    """Return the rules that no example is about."""
    about = {rule for example in found.examples for rule in example.rules}
    return tuple(rule for rule in found.rules if rule.name not in about)


def seen(map_path: Path | str | None = None) -> tuple[Finding, ...]:
    """Return what is wrong with the policies of a map: a mistake in a rule, an example that comes out in another way. Nothing without."""
    data_map = read_installed(map_path)
    return tuple(_seen(map_path, data_map.review)) if data_map.review is not None else ()


def _seen(map_path: Path | str | None, spec: ReviewSpec) -> Iterator[Finding]:
    try:
        found = mapped(map_path)
        wrong = tried(found)
    except Misconfigured as error:
        yield Finding(FindingKind.UNSUPPORTED, _SECTION, _SECTION, error.message, error.help, spec.line)
        return
    for fault in wrong:
        yield Finding(FindingKind.UNSUPPORTED, _SECTION, _SECTION, str(fault), fault.mend, spec.line)
    for rule in untried(found):
        what = f"{rule.file}:{rule.line}: no example is about the rule {rule.name}"
        yield Finding(FindingKind.NOTE, _SECTION, _SECTION, what, "an example in a file *.examples.yaml beside it", spec.line)


def _spec(data_map: DataMap) -> ReviewSpec:
    if data_map.review is None:
        raise Misconfigured("the data map has no review desk, so that no member of staff sees a recording", help="review: {}")
    return data_map.review


def _folder(spec: ReviewSpec) -> PolicySets:
    try:
        from expunge.adapters.policy.policy_folder import PolicyFolder
    except ModuleNotFoundError as error:
        message = f"the review desk needs a package that is not installed: {error.name}"
        raise Misconfigured(message, help="pip install 'expunge[desk]'") from error
    return PolicyFolder(spec)
