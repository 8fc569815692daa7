"""The register of memberships: each decision stands in the journal and in the table that asks look at, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

from expunge.core.accounts.family_events import ByHandOver, ByOwner, FamilyActor, MembershipDecided
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.values.canonical import Json
from expunge.engine.kernel import journal_streams
from expunge.engine.kernel.journal_streams import FAMILIES
from expunge.ports.accounts.account_register import AccountRegister
from expunge.ports.clock import Clock
from expunge.ports.journal import Journal


class FamilyRegister:
    """Enters decisions about memberships. Safe between threads and processes."""

    def __init__(self, journal: Journal, accounts: AccountRegister, clock: Clock) -> None:
        """Set up.

        Args:
            journal: of the installation.
            accounts: the tables of accounts, in the same database.
            clock: never goes back.
        """
        self._journal, self._accounts, self._clock = journal, accounts, clock

    @contextmanager
    def together(self) -> Iterator[None]:
        """Open a block whose decisions become durable at its end with all else that it wrote to the state, or not at all."""
        with self._journal.atomically():
            yield

    def decide(self, account: UUID, roles: Iterable[tuple[str, MembershipRole]], by: FamilyActor) -> tuple[Membership, ...]:
        """Give an account roles in families, and return the memberships that changed. The end of one that never was changes nothing.

        Raises UsageError where there is no such account, Busy.
        """
        now = self._clock.now()
        with self._journal.atomically():
            changed = []
            for family, role in roles:
                known = self._accounts.membership(account, family)
                if role is (MembershipRole.FORMER if known is None else known.role):
                    continue
                changed.append(Membership(account, family, role, now))
                self._accounts.set_membership(changed[-1])
            if changed:
                events = (MembershipDecided(now, str(account), each.family, each.role, by) for each in changed)
                journal_streams.register(self._journal, FAMILIES, *events)
        return tuple(changed)

    def end_all(self, account: UUID) -> None:
        """End every membership of an account that its owner closes. Raises Busy."""
        self.decide(account, [(each.family, MembershipRole.FORMER) for each in self._accounts.memberships(account)], ByOwner())

    def decisions(self) -> Iterator[MembershipDecided]:
        """Yield every decision, oldest first. Raises StateUnavailable, StateCorrupt."""
        yield from decisions(self._journal)


def decisions(journal: Journal) -> Iterator[MembershipDecided]:
    """Yield every decision about memberships, oldest first. Raises StateUnavailable, StateCorrupt."""
    for event in journal_streams.read_register(journal, FAMILIES):
        assert isinstance(event, MembershipDecided)
        yield event


def statement(journal: Journal) -> dict[str, Json]:
    """Return who decided about memberships, for a pack of evidence: how often, with which role, and when last.

    It names no account and no family, and leaves out accounts of the operating system.
    """
    counts: dict[tuple[str, str, str], tuple[int, str]] = {}
    for each in decisions(journal):
        issuer, key = (each.by.issuer, each.by.key) if isinstance(each.by, ByHandOver) else ("", "")
        place = issuer, key, each.role.value
        counts[place] = (counts.get(place, (0, ""))[0] + 1, each.at.date().isoformat())
    return {
        "decisions": [
            {"by": "hand-over" if issuer else "operator", "issuer": issuer, "key": key, "role": role, "count": count, "latest": latest}
            for (issuer, key, role), (count, latest) in sorted(counts.items())
        ]
    }
