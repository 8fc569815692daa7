"""Scans of signed forms that an account of the pages hands in: sealed, looked at by a member of staff, accepted or refused, and deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from expunge.core.consent import consent_request_events as ae
from expunge.core.consent.consent_requests import OpenAsking
from expunge.core.consent.scans import Scan, ScanFault, media_type_of, read_scan
from expunge.core.values.ids import OrderId
from expunge.engine.consent import parental_consent
from expunge.engine.consent.parental_consent import EVIDENCE, AskingAnswer, forget
from expunge.engine.gate import consent_register
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import CONSENTS, register
from expunge.errors import NeedsApproval, Refused, UsageError
from expunge.ports.consent_method import ConsentEvidence, ConsentMethod, HandedEvidence


@dataclass(frozen=True)
class WaitingScan:
    """A scan that a member of staff has to look at."""

    request: str
    handed: datetime
    expires: datetime
    media_type: str
    sha256: str
    number: str
    """The number that has to stand on the form."""
    purposes: tuple[str, ...]


def hand_in(context: Context, method: ConsentMethod, request: str, account: str, document: bytes) -> ScanFault | None:
    """Take a scan for an open request of an account, in place of an earlier one. Return what is wrong with it; None where it was taken.

    Raises UsageError where the account has no such request open, NeedsApproval during a dispute.
    """
    one = _open(context, request, account)
    if method.evidence is not ConsentEvidence.DOCUMENT or one.asked.method != method.name:
        raise UsageError("this request takes no scan", help="answer the message that was sent")
    if one.asked.subject in consent_register.load(context).frozen:
        raise NeedsApproval("the guardians of this child are in dispute", help="the company releases it, once it is settled")
    scan = read_scan(document)
    if not isinstance(scan, Scan):
        return scan
    place = OrderId("scn-" + context.random(8).hex())
    event = ae.ScanHanded(context.clock.now(), request, place, sha256(scan.data).hexdigest(), scan.media_type)
    # commit point: the scan is known from here on, so that nothing of it stays behind a crash.
    register(context.journal, CONSENTS, event)
    context.shelf.put(place, EVIDENCE, context.keys.seal(place, EVIDENCE, scan.data))
    if one.scan is not None:
        forget(context, OrderId(one.scan.place), EVIDENCE)
    return None


def waiting(context: Context) -> tuple[WaitingScan, ...]:
    """Return the scans that wait for a member of staff, oldest first."""
    now = context.clock.now()
    found = [
        WaitingScan(
            request,
            one.scan.at,
            one.asked.expires,
            one.scan.media_type,
            one.scan.sha256,
            parental_consent.number_of(context, one),
            tuple(each.purpose for each in one.account.purposes) if one.account else (),
        )
        for request, one in parental_consent.pending(context).items()
        if one.scan is not None and one.ended is None and now < one.asked.expires
    ]
    return tuple(sorted(found, key=lambda each: each.handed))


def opened(context: Context, request: str, by: str) -> Scan:
    """Return a scan for a member of staff. That it was opened is journalled first. Raises UsageError, Refused for the account's own."""
    one = _waiting(context, request, by)
    place, sealed = _sealed(context, one)
    register(context.journal, CONSENTS, ae.ScanOpened(context.clock.now(), request, by))
    data = context.keys.open(place, EVIDENCE, sealed)
    return Scan(media_type_of(data), data)


def accept(context: Context, method: ConsentMethod, request: str, digest: str, by: str) -> AskingAnswer:
    """Take a scan as signed by a guardian: the request is answered with it.

    Args:
        context: the composition.
        method: of the request.
        request: the request.
        digest: hex SHA-256 of the scan that was looked at.
        by: the account of staff.

    Raises UsageError where another scan was handed in meanwhile, Refused for the account's own request, as
    :func:`expunge.engine.consent.parental_consent.answer` else.
    """
    one = _waiting(context, request, by)
    _same(one, digest)
    place, sealed = _sealed(context, one)
    number, account = parental_consent.number_of(context, one), one.account.account if one.account else ""
    handed = HandedEvidence(number, context.keys.open(place, EVIDENCE, sealed), by, account)
    return parental_consent.answer(context, method, request, handed)


def refuse(context: Context, request: str, digest: str, why: ae.ScanRefusal, by: str) -> None:
    """Refuse a scan, for a reason of the closed list; the scan is destroyed. Raises as :func:`accept`."""
    one = _waiting(context, request, by)
    _same(one, digest)
    refused = ae.ScanRefused(context.clock.now(), request, why, by)
    if why.again:
        register(context.journal, CONSENTS, refused)
        if one.scan is not None:
            forget(context, OrderId(one.scan.place), EVIDENCE)
    else:
        parental_consent.over(context, one, ae.AskingEnd.NOT_PROVEN, by, [refused])


def _open(context: Context, request: str, account: str) -> OpenAsking:
    one = parental_consent.pending(context).get(request)
    if one is None or one.account is None or one.account.account != account:
        raise UsageError("this account has no such request", help="look at the list of its requests")
    if one.ended is not None or context.clock.now() >= one.asked.expires:
        raise UsageError("this request is over", help="begin another one")
    return one


def _waiting(context: Context, request: str, by: str) -> OpenAsking:
    one = parental_consent.pending(context).get(request)
    if one is None or one.scan is None or one.ended is not None or context.clock.now() >= one.asked.expires:
        raise UsageError("no scan waits under this request", help="look at the list again")
    if one.account is not None and one.account.account == by:
        raise Refused("the account that asks does not check its own form", help="another member of staff looks at it")
    return one


def _sealed(context: Context, one: OpenAsking) -> tuple[OrderId, bytes]:
    place = OrderId(one.scan.place if one.scan else "")
    sealed = context.shelf.get(place, EVIDENCE) if place else None
    if sealed is None:
        raise UsageError("this scan did not arrive whole", help="the account hands it in again")
    return place, sealed


def _same(one: OpenAsking, digest: str) -> None:
    if one.scan is None or one.scan.sha256 != digest:
        raise UsageError("another scan was handed in meanwhile", help="look at the newest one before you decide")
