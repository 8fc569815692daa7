"""The set of policies that is in force: the rules that come with the package, and those of the company's own folder."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources
from pathlib import Path

from expunge.adapters.policy.cedar_policy import CedarPolicy
from expunge.adapters.policy.rule_files import OWN, SUFFIX
from expunge.core.accounts.review_spec import ReviewSpec
from expunge.core.journal.policy_events import PolicySet
from expunge.errors import Misconfigured

SHIPPED = "shipped/"
LARGEST = 1 << 20
"""Bytes of all files of a folder together."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_READ = (SUFFIX, ".cedarschema")


class PolicyFolder:
    """Read the rules of the package and of a folder. See :class:`expunge.ports.review.policy_sets.PolicySets`."""

    def __init__(self, spec: ReviewSpec) -> None:
        """Read nothing yet."""
        self._spec = spec

    def current(self) -> PolicySet:
        """Return the set of now. Raises Misconfigured where a file cannot be read."""
        return PolicySet({**shipped_files(), **own_files(self._spec.policies)}, self._spec.limits)

    def compiled(self, policies: PolicySet) -> CedarPolicy:
        """Return a set that decides. Raises Misconfigured for a mistake in it."""
        return CedarPolicy(policies)


@lru_cache(1)
def shipped_files() -> dict[str, str]:
    """Return name -> text of the files that decide and come with the package."""
    folder = resources.files(__package__) / "rules"
    return {SHIPPED + each.name: each.read_text("utf-8") for each in folder.iterdir() if each.name.endswith(_READ)}


def own_files(folder: str) -> dict[str, str]:
    """Return name -> text of the rules in a company's folder; none without a folder. Raises Misconfigured where one cannot be read."""
    found: dict[str, str] = {}
    left = LARGEST
    for path in _listed(folder):
        if not _NAME.fullmatch(path.name):
            message = f"a file of policies in {folder} has a name with other characters than letters, digits, '.', '_' and '-'"
            raise Misconfigured(message, help="bedrooms.cedar, or another plain name: the journal keeps the file under it")
        try:
            data = path.read_bytes()
            found[OWN + path.name] = data.decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            message = f"the policies in {path} cannot be read"
            raise Misconfigured(message, help="a text in UTF-8 that the account of this process may read") from error
        left -= len(data)
        if left < 0:
            message = f"the policies in {folder} are larger than {LARGEST >> 20} MiB together"
            raise Misconfigured(message, help="keep rules in this folder, and nothing else")
    return found


def _listed(folder: str) -> list[Path]:
    if not folder:
        return []
    try:
        return sorted(path for path in Path(folder).iterdir() if path.name.endswith(SUFFIX))
    except OSError as error:
        message = f"the folder of policies {folder} cannot be read"
        raise Misconfigured(message, help="review: {policies: ./policies}, a folder that is there") from error
