"""Equivalences: the programme head signs why another way to log in is as good as a second factor that cannot be phished (RNG III.E.4(b)).

The signature is an Ed25519 signature by the key named ``programme-head`` under ``approvers:`` of the map, as that of a plan's approval is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from expunge.core.accounts import staff_events as ev
from expunge.core.accounts.staff_acts import check_reference
from expunge.core.accounts.staff_events import AccessMethod
from expunge.core.accounts.staff_state import CONFIRMED_WITHIN, Staff
from expunge.core.values import codec
from expunge.core.values.periods import end_of
from expunge.engine.accounts.staff_register import StaffStream
from expunge.engine.consent import approving
from expunge.engine.kernel.context import Context
from expunge.errors import Refused, UsageError

PROGRAMME_HEAD = "programme-head"
"""The name under ``approvers:`` whose signature counts."""


@dataclass(frozen=True)
class NewEquivalence:
    """What the programme head signs."""

    account: str
    method: AccessMethod
    digest: str
    """Hex SHA-256 of the written explanation."""
    reference: str
    """The document's key, such as ``SEC-17``."""
    until: datetime

    @property
    def message(self) -> bytes:
        """Return the bytes that are signed."""
        lines = (
            "expunge equivalence/1",
            self.account,
            self.method.value,
            self.digest,
            self.reference,
            codec.instant(self.until),
        )
        return "".join(f"{line}\n" for line in lines).encode()


def check(context: Context, new: NewEquivalence) -> None:
    """Raise UsageError for a reference that is none, and for an end that has passed or is more than twelve months away."""
    check_reference(new.reference)
    now = context.clock.now()
    if not now < new.until <= end_of(now, CONFIRMED_WITHIN):
        raise UsageError("an equivalence ends within twelve months", help="give its last day: --until 2027-01-31")


def record(context: Context, new: NewEquivalence, signed: str) -> ev.EquivalenceRecorded:
    """Enter an equivalence.

    Raises:
        UsageError: as :func:`check`; the map names no programme head; there is no such account, or it was never enrolled.
        EvidenceInvalid: the signature does not verify over :attr:`NewEquivalence.message`.
    """
    check(context, new)
    if PROGRAMME_HEAD not in context.data_map.approvers:
        message = f"the map names no approver {PROGRAMME_HEAD!r}, who alone may sign an equivalence"
        raise UsageError(message, help=f"add the key of the programme head under `approvers:`, as {PROGRAMME_HEAD}")
    what = ("equivalence", "sign what `expunge staff equivalence --message` prints for the same explanation, account, method and end")
    approving.check_signature(context, PROGRAMME_HEAD, signed, new.message, what)
    event = ev.EquivalenceRecorded(
        context.clock.now(), new.account, new.method, new.digest, new.reference, new.until, PROGRAMME_HEAD, signed
    )

    def conclude(staff: Staff) -> Sequence[ev.StaffEvent]:
        account = staff.accounts.get(new.account)
        if account is None:
            raise UsageError("there is no account of that id", help="`expunge staff list` shows them")
        if account.enrolled is None:
            raise Refused("the account is not enrolled", help="record the equivalence once its person has used the link")
        return (event,)

    StaffStream(context.journal).enter(conclude)
    return event
