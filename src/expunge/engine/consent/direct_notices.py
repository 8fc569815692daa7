"""Direct notices: made from the map, counted, kept under their hash; written down when one reached its reader (16 CFR 312.4(c)(1))."""

from __future__ import annotations

from expunge.core.consent import consent_request_events as ae
from expunge.core.consent.consent_requests import OpenAsking, fold_notices
from expunge.core.consent.direct_notice import DirectNotice, direct_notice
from expunge.core.consent.notice_words import ENGLISH
from expunge.core.datamap.purposes import discloses
from expunge.core.values.ids import OrderId
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import CONSENTS, read_register
from expunge.errors import StateCorrupt, UsageError

__all__ = ["ENGLISH"]
SHELF = OrderId("consent-notices")


def now(context: Context, language: str) -> DirectNotice:
    """Return the notice as the map makes it now."""
    asking, accounts = context.data_map.asking, context.data_map.accounts
    by_message = (("email plus", asking.mail or (accounts and accounts.mail)), ("text plus", asking.text_gateway))
    # Why left out: a way that is not enough is none by which a parent can agree.
    weak = () if discloses(context.data_map.purposes.values()) else tuple(name for name, there in by_message if there)
    return direct_notice(context.data_map, language, ["signed form", *weak])


def shown(context: Context, language: str, digest: str) -> tuple[ae.NoticeFixed, ...]:
    """Return the events that fix a notice which a page showed; none where it is fixed already.

    Raises UsageError where it is not the notice of the map as it is now.
    """
    notice = now(context, language)
    if notice.digest != digest:
        raise UsageError("the notice that was shown is not the one that holds now", help="show it again, and ask again")
    return fixed(context, notice)


def fixed(context: Context, notice: DirectNotice) -> tuple[ae.NoticeFixed, ...]:
    """Keep a notice's bytes, and return the event that gives it a version; none where it has one."""
    known = fold_notices(read_register(context.journal, CONSENTS))
    if notice.digest in known:
        return ()
    context.shelf.put(SHELF, _place(notice.digest), notice.text.encode())
    version = max((each.version for each in known.values()), default=0) + 1
    return (ae.NoticeFixed(context.clock.now(), version, notice.language, notice.digest),)


def delivered(context: Context, request: str, language: str, way: ae.NoticeWay) -> tuple[ae.NoticeFixed | ae.NoticeDelivered, ...]:
    """Return the events that say that the notice of now reached the reader of a request."""
    notice = now(context, language)
    return (*fixed(context, notice), ae.NoticeDelivered(context.clock.now(), request, notice.digest, way))


def reached(context: Context, one: OpenAsking) -> bool:
    """Return whether the notice as it is now was delivered for a request of an account."""
    return one.account is not None and now(context, one.account.language).digest in one.notices


def as_shown(context: Context, digest: str) -> bytes:
    """Return a notice as it was shown, by its hex SHA-256. Raises StateCorrupt where it is missing."""
    kept = context.shelf.get(SHELF, _place(digest))
    if kept is None:
        raise StateCorrupt("a direct notice that was shown is missing from the state", help="restore the state from its backup")
    return kept


def _place(digest: str) -> str:
    return f"notice-{digest[:40]}"
