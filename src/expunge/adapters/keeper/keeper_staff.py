"""The register of staff at the keeper, for the web process."""

from __future__ import annotations

import json
import secrets
from typing import Any

from expunge.adapters.keeper import staff_requests as ask
from expunge.adapters.keeper.connection import PATIENCE, Connections
from expunge.adapters.keeper.place import KeeperPlace
from expunge.core.accounts import staff_acts
from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_acts import StaffAct
from expunge.core.accounts.staff_events import AccessMethod
from expunge.core.accounts.staff_state import StaffStanding
from expunge.ports.accounts.staff_directory import StaffActed, StaffMember


class KeeperStaff:
    """Implements ``expunge.ports.accounts.staff_directory.StaffDoor``, and more for who may have keys used.

    Threads may share it, and a fork may go on using it.

    Raises, from each verb, KeeperAway where the keeper does not answer now, and what the directory raises.
    """

    def __init__(self, place: KeeperPlace, patience: float = PATIENCE) -> None:
        self._connections = Connections(place, patience)

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def member(self, account: str) -> StaffMember | None:
        """Return an account with what it may do now; None where it is not known."""
        told: Any = self._connections.ask(ask.StaffMemberOf(account)).value
        return None if told is None else _read(told)

    def rights(self, account: str) -> frozenset[StaffRight]:
        """Return what an account may do now."""
        member = self.member(account)
        return frozenset() if member is None else member.rights

    def members(self, account: str) -> tuple[StaffMember, ...]:
        """Return every account, to one that may read the register. Raises Refused to any other."""
        return tuple(map(_read, json.loads(self._connections.ask(ask.StaffMembers(account)).body)))

    def redeem(self, secret: str) -> str:
        """Use a link, and return its account. Raises Refused for a link that opens nothing."""
        # Why a claim: the connection asks again where an answer was lost, and the link was used by then.
        return str(self._connections.ask(ask.RedeemStaffLink(secrets.token_hex(16)), secret.encode("utf-8", "replace")).value)

    def note_seen(self, account: str) -> None:
        """Note that an account is logged in today. Raises Refused for one that is suspended, idle or not known."""
        self._connections.ask(ask.NoteStaffUse(account, ""))

    def note_use(self, account: str, right: StaffRight) -> None:
        """Note that a right is used today, before what it lets the account do. Raises Refused where the account may not."""
        self._connections.ask(ask.NoteStaffUse(account, right.value))

    def begun(self) -> bool:
        """Return whether a person was ever enrolled."""
        return bool(self._connections.ask(ask.StaffBegun()).value)

    def first_administrator(self) -> str | None:
        """Return the secret of a link for the first administrator, in place of an earlier one; None once a person is enrolled."""
        told = self._connections.ask(ask.FirstStaffLink()).value
        return None if told is None else str(told)

    def decide(self, act: StaffAct, permit: str, account: str, session: str) -> StaffActed:
        """Have a decision entered, with the permit that an account gave for exactly this, in a web session of that hex SHA-256.

        Raises Refused or ProofRefused without one.
        """
        told: Any = self._connections.ask(ask.DecideStaff(permit, account, session), staff_acts.encode(act)).value
        return StaffActed(*told)


def _read(told: Any) -> StaffMember:
    account, label, standing, functions, rights, equivalence, awaits_key = told
    return StaffMember(
        account, label, StaffStanding(standing), tuple(functions), frozenset(map(StaffRight, rights)),
        AccessMethod(equivalence) if equivalence else None, bool(awaits_key),
    )  # fmt: skip
