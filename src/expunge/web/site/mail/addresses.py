"""Addresses that mail does not reach: what pages tell their owners, and what an account's end removes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings

from expunge import clock
from expunge.web.site.mail.models import MailTrouble, SentMail, WaitingMail
from expunge.web.site.mail.sealed_message import sealed_address

BOUNCES_COME_WITHIN = timedelta(days=7)
"""RFC 5321, 4.5.4.1 has a server try for four to five days; after that a bounce leads nowhere."""
TROUBLE_KEPT = timedelta(days=90)


class TroubleKind(StrEnum):
    """The reason why mail did not arrive."""

    REFUSED = "refused"
    """Our mail server, or the one behind it, refused the address or the message for good."""
    BOUNCED = "bounced"
    """It was taken, and came back."""
    UNSENT = "unsent"
    """It could not be handed on before it was too late."""


@dataclass(frozen=True)
class Trouble:
    """The newest trouble with an address."""

    kind: TroubleKind
    status: str
    """A status code of RFC 3463 or RFC 5321; empty where no server said one."""
    since: datetime


def trouble_of(address: str) -> Trouble | None:
    """Return the trouble with an address, for a page of its owner; None where mail arrives as far as is known. Raises KeeperAway."""
    row = MailTrouble.objects.filter(recipient=sealed_address(settings.EXPUNGE_FIELDS, address)).first()
    return None if row is None else Trouble(TroubleKind(row.kind), row.status, row.since)


def settle(address: str) -> None:
    """Forget the trouble with an address: a code that was sent there came back from its owner. Raises KeeperAway."""
    MailTrouble.objects.filter(recipient=sealed_address(settings.EXPUNGE_FIELDS, address)).delete()


def settle_confirmed(email_address: Any, **_: object) -> None:
    """Take allauth's signal that an address was confirmed."""
    settle(email_address.email)


def forget(address: str) -> None:
    """Remove everything about an address, messages that wait included: its account is gone. Raises KeeperAway."""
    sealed = sealed_address(settings.EXPUNGE_FIELDS, address)
    for table in (WaitingMail, SentMail, MailTrouble):
        table.objects.filter(recipient=sealed).delete()


def note_trouble(recipient: str, kind: TroubleKind, status: str) -> None:
    """Write down that mail did not reach a sealed address; nothing where nothing is kept of it."""
    if not recipient:
        return
    values = {"kind": kind.value, "status": status[:12], "since": clock.now()}
    MailTrouble.objects.update_or_create(recipient=recipient, defaults=values)


def drop_old() -> None:
    """Remove what is kept for bounces and pages once its time is over."""
    now = clock.now()
    SentMail.objects.filter(sent__lt=now - BOUNCES_COME_WITHIN).delete()
    MailTrouble.objects.filter(since__lt=now - TROUBLE_KEPT).delete()
