"""The pages in operation: the application, the sender of their mail, and what tells whether they work."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from django.conf import settings
from django.core.cache import cache

from expunge.bootstrap.accounts.pages import Accounts, connect_mail, provider_secret
from expunge.core.accounts.accounts_spec import AccountsSpec
from expunge.errors import ExpungeError
from expunge.ports.accounts.sealed_fields import FieldKind, SealedFields
from expunge.web.readiness import Check, Part
from expunge.web.site.application import make_pages, migrated
from expunge.web.site.defence.bad_tokens import refused_token
from expunge.web.site.factors.adoption import adoption
from expunge.web.site.mail.mail_server import MailServer
from expunge.web.site.mail.outbox import standing
from expunge.web.site.mail.sender import MailSender
from expunge.web.site.shell.keeper_first import take_site_key

_PATIENCE = 10.0
"""Seconds for which the next answer of the mail server is waited for."""


class SiteOperation:
    """The pages of a web process."""

    def __init__(self, accounts: Accounts, count_mail: Callable[[str], None], tell: Callable[[str], None]) -> None:
        """Bring the database to the present tables, and begin to send mail. Raises KeeperAway.

        Args:
            accounts: the keeper, behind each of its ports.
            count_mail: called with the outcome of each attempt to send.
            tell: tells the operator something, in one line.
        """
        settings.EXPUNGE_TELL, settings.EXPUNGE_PROVIDER_SECRET = tell, provider_secret
        self._fields: SealedFields = accounts.fields
        self.pages = make_pages(accounts.fields, accounts.guard, accounts.staff, accounts.hand_overs, accounts.recoveries, accounts.clerk)
        # Why it may be away: what needs the key takes it later.
        with suppress(ExpungeError):
            take_site_key()
        spec: AccountsSpec = settings.EXPUNGE_SITE
        self.cookie: str = settings.SESSION_COOKIE_NAME
        self.refused_token = refused_token
        """Told the client's address of each token of the API that nobody issued."""
        self._clerk_answers = accounts.clerk_answers
        self._sender: MailSender | None = None
        if (mail := spec.mail) is not None:
            server = MailServer(mail, lambda: connect_mail(mail, spec.host, _PATIENCE))
            self._sender = MailSender(server, self._fields, count_mail, tell)
            self._sender.start()

    def end(self) -> None:
        """End the sender."""
        if self._sender is not None:
            self._sender.stop()

    def checks(self) -> dict[Part, Check]:
        """Return what tells whether the parts work."""
        return {Part.DATABASE: self._writes, Part.MIGRATIONS: migrated, Part.KEEPER: self._seals, Part.CLERK: self._clerk_answers} | (
            {Part.MAIL: self._mails} if self._sender is not None else {}
        )

    def outbox(self) -> dict[str, float]:
        """Return the numbers of the outbox."""
        found = standing()
        seconds = found.overdue.total_seconds()
        return {"waiting": found.waiting, "overdue_seconds": seconds, "troubled_addresses": found.troubled}

    def factors(self) -> dict[str, float]:
        """Return how many accounts with a proven address have a passkey, a code app and no passkey, or neither (RNG-21)."""
        return {each.value: number for each, number in adoption().items()}

    def _writes(self) -> bool:
        cache.set("expunge.readiness", 1, 60)
        return True

    def _seals(self) -> bool:
        return bool(self._fields.seal_fields(FieldKind.MAIL, ["ready"]))

    def _mails(self) -> bool:
        return self._sender is not None and self._sender.alive and not standing().stuck
