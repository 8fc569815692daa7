"""People of the pages as the keeper knows them: passkeys of an authenticator in memory, and tokens of the company."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import secrets
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import serialization

from expunge import clock
from expunge.adapters.keeper.keeper_guard import KeeperGuard
from expunge.adapters.keeper.place import KeeperPlace
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.web.site.kit import SiteServed


@contextlib.contextmanager
def keeper_guard(served: SiteServed) -> Iterator[KeeperGuard]:
    state = served.folder / "state"
    guard = KeeperGuard(KeeperPlace(state, state / "keys"))
    try:
        yield guard
    finally:
        guard.close()


def newest_account(served: SiteServed) -> UUID:
    """The account of the pages that was made last."""
    (row,) = served.sql("SELECT id FROM expunge_account ORDER BY since DESC LIMIT 1")
    return UUID(row[0])


def enrol_kept(served: SiteServed, address: str, *, synced: bool = True) -> SoftAuthenticator:
    """Enrol a passkey of the newest account with the keeper, by the code that the keeper mails."""
    account, session = newest_account(served), secrets.token_bytes(32)
    authenticator = SoftAuthenticator(served.origin, "localhost", synced)
    with keeper_guard(served) as guard:
        guard.open_account(account, address, "en")
        before = served.sink.count(address)
        guard.send_code(account, session)
        code = served.sink.code(address, before + 1)
        begun = guard.begin_enrolment(account, session, guard.prove_by_code(account, session, code))
        guard.finish_enrolment(begun.token, account, session, authenticator.create(begun.options or {}), "my telephone")
    return authenticator


def let_the_day_pass(served: SiteServed) -> None:
    """Put the waits of new ways to confirm back in the keeper's own table, as no page can."""
    for table in ("expunge_credential", "expunge_code_device"):
        served.kept(f"UPDATE {table} SET waits_until = '2026-01-01 00:00:00' WHERE waits_until IS NOT NULL")


def stop_link(served: SiteServed, address: str) -> str:
    """The page that the newest letter about something that was added leads to."""
    return link_in_mail(served, address, "/account/added/stop/")


def link_in_mail(served: SiteServed, address: str, path: str) -> str:
    """Wait until a mail to an address has a link below a path, in whatever language, and return the newest."""
    until = time.monotonic() + 20
    while True:
        # Why each: letters are in the person's language, and the one about the first way, which counts at once, has no such page.
        for message in reversed(served.sink.to(address)):
            body = message.get_body(("plain",))
            assert body is not None
            if found := re.search(rf"http\S+{path}[\w-]+/", body.get_content()):
                return found[0]
        assert time.monotonic() < until, served.sink.subjects(address)
        time.sleep(0.02)


def token(served: SiteServed, address: str, *told: tuple[str, str], now: float = 0.0) -> str:
    return served.company.token(now or clock.timestamp(), *told, address=address)


def signed(page: str, authenticator: SoftAuthenticator) -> str:
    """The signature that a page asks for."""
    found = re.search(r'<script id="js_data" type="application/json">(.*?)</script>', page)
    assert found, page
    return authenticator.sign(json.loads(found[1])["request_options"]["publicKey"]).decode()


def as_chromium(authenticator: SoftAuthenticator) -> dict[str, Any]:
    """The one passkey of an authenticator, as Chromium takes it into a virtual one."""
    ((credential, made),) = authenticator.made.items()
    key = made.key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    named = {"credentialId": base64.b64encode(credential).decode(), "rpId": authenticator.relying_party}
    return {**named, "isResidentCredential": False, "privateKey": base64.b64encode(key).decode(), "signCount": made.count}
