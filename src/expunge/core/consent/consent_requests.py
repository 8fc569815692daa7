"""The state of each consent request, folded from the register, and the next steps that are allowed."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from expunge.core.consent import consent_request_events as ae


@dataclass(frozen=True)
class OpenAsking:
    """The state of one request."""

    asked: ae.ConsentAsked
    sent: ae.ConsentMessageSent | None = None
    """The last message: only its token counts."""
    done: int = 0
    """Steps that the parent has done."""
    done_at: datetime | None = None
    ended: ae.AskingEnded | None = None
    evidence: ae.EvidenceKept | None = None
    evidence_gone: bool = False
    account: ae.AccountAsked | None = None
    """The account of the pages whose request it is; None where a program or a command asked."""
    agreed: ae.AccountAgreed | None = None
    notices: frozenset[str] = frozenset()
    """Hex SHA-256 of the direct notices that were delivered for it."""
    scan: ae.ScanHanded | None = None
    """The scan that waits for a member of staff."""
    refused: ae.ScanRefused | None = None
    """The last refusal of a scan, until another one is handed in."""

    @property
    def step(self) -> int:
        """The step that comes next."""
        return self.done + 1

    @property
    def purposes(self) -> tuple[ae.AskedPurpose, ...]:
        """The purposes that were asked for, each with its text."""
        if self.account is not None:
            return self.account.purposes
        asked = self.asked
        return (ae.AskedPurpose(asked.purpose, asked.text, asked.version, asked.sha256, asked.terms),)

    def due(self, delay: timedelta, at: datetime) -> bool:
        """Return whether the message of the next step has to leave now."""
        sent = self.sent is not None and self.sent.step == self.step
        return not sent and self.ended is None and (self.done_at is None or at >= self.done_at + delay)

    def refuses(self, token: str, at: datetime) -> str | None:
        """Return why an answer with this token does not count. Return None when it counts."""
        if self.ended is not None:
            return f"this asking is over: {self.ended.how.value}"
        if at >= self.asked.expires:
            return f"this asking is over: {ae.AskingEnd.EXPIRED.value}"
        if self.sent is None or not hmac.compare_digest(self.sent.token, token_hash(token)):
            return "the token is not that of the last message"
        if self.sent.step != self.step:
            return "the token was used already"
        return None


def token_hash(token: str) -> str:
    """Return the hex SHA-256 of a token. Only the hash is stored."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def fold(events: Iterable[object]) -> dict[str, OpenAsking]:
    """Request -> where it stands; other events of the register are passed over."""
    known: dict[str, OpenAsking] = {}
    for event in events:
        match event:
            case ae.ConsentAsked():
                known[event.request] = OpenAsking(event)
            case ae.ConsentMessageSent():
                known[event.request] = replace(known[event.request], sent=event)
            case ae.ConsentStepDone():
                known[event.request] = replace(known[event.request], done=event.step, done_at=event.at)
            case ae.AskingEnded():
                known[event.request] = replace(known[event.request], ended=event)
            case ae.EvidenceKept():
                known[event.request] = replace(known[event.request], evidence=event)
            case ae.EvidenceDeleted():
                known[event.request] = replace(known[event.request], evidence_gone=True)
            case ae.AccountAsked() | ae.AccountAgreed() | ae.NoticeDelivered() | ae.ScanHanded() | ae.ScanRefused():
                known[event.request] = _of_account(known[event.request], event)
    return known


def _of_account(
    one: OpenAsking, event: ae.AccountAsked | ae.AccountAgreed | ae.NoticeDelivered | ae.ScanHanded | ae.ScanRefused
) -> OpenAsking:
    match event:
        case ae.AccountAsked():
            return replace(one, account=event)
        case ae.AccountAgreed():
            return replace(one, agreed=event)
        case ae.NoticeDelivered():
            return replace(one, notices=one.notices | {event.sha256})
        case ae.ScanHanded():
            return replace(one, scan=event, refused=None)
        case ae.ScanRefused():
            return replace(one, scan=None, refused=event)


@dataclass(frozen=True)
class Invitation:
    """The state of one invitation."""

    invited: ae.GuardianInvited
    ended: ae.InvitationEnded | None = None

    def open_at(self, at: datetime) -> bool:
        """Return whether it can be taken at that instant."""
        return self.ended is None and at < self.invited.expires


def fold_invitations(events: Iterable[object]) -> dict[str, Invitation]:
    """Return invitation -> its state; other events of the register are passed over."""
    known: dict[str, Invitation] = {}
    for event in events:
        match event:
            case ae.GuardianInvited():
                known[event.invitation] = Invitation(event)
            case ae.InvitationEnded():
                known[event.invitation] = replace(known[event.invitation], ended=event)
    return known


def fold_notices(events: Iterable[object]) -> dict[str, ae.NoticeFixed]:
    """Return hex SHA-256 -> the direct notice that was fixed under it."""
    return {event.sha256: event for event in events if isinstance(event, ae.NoticeFixed)}
