"""Makes accounts of the served demonstration: ``python -m expunge.demo.serving.account_maker`` in the company's folder, beside its server.

It is a process of its own, since Django is set up once in a process, and for the pages here. It reads one line of JSON from its standard
input, ``{"address", "password"}``, for each account. Where it needs the code of a letter it writes ``{"code_for": ADDRESS}`` and reads the
code as a line; it ends each account with ``{"account", "seed"}``.

Each account has a code app from its first minute, as the keeper enrols it: by a code that the keeper mailed.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Callable

from expunge import survey
from expunge.bootstrap.accounts.pages import Accounts
from expunge.errors import Misconfigured

_STEP = 30
"""Seconds for which an app shows a code."""


def main() -> None:
    """Make what is asked for, until the input ends."""
    accounts = _set_up()
    for line in sys.stdin:
        told = json.loads(line)

        def code(address: str = told["address"]) -> str:
            _say(code_for=address)
            return sys.stdin.readline().strip()

        account, seed = make(accounts, told["address"], told["password"], code)
        _say(account=account, seed=seed)


def make(accounts: Accounts, address: str, password: str, code: Callable[[], str]) -> tuple[str, str]:
    """Make one account that logs in with a password and a code app. Return its id, and the app's seed in Base32.

    Args:
        accounts: what the pages' process has.
        address: proven at once: it is a made-up one.
        password: in the clear.
        code: returns the code of the letter that the keeper writes to the address.
    """
    from allauth.account.models import EmailAddress
    from allauth.mfa.models import Authenticator
    from django.db import transaction

    from expunge.web.site.accounts.models import Account

    with transaction.atomic():
        account = Account()
        account.set_password(password)
        account.save()
        EmailAddress.objects.create(user_id=account.pk, email=address, verified=True, primary=True)
    guard, session = accounts.guard, secrets.token_bytes(32)
    guard.open_account(account.pk, address, "en")
    guard.send_code(account.pk, session)
    offer = guard.begin_code_device(account.pk, session, guard.prove_by_code(account.pk, session, code()))
    # Why the one before: each code counts once, and the present one is for the person who logs in now.
    guard.finish_code_device(offer.token, account.pk, session, code_at(offer.seed, time.time() - _STEP))
    Authenticator.objects.create(user=account, type=Authenticator.Type.TOTP, data={})
    return str(account.pk), offer.seed


def code_at(seed: str, at: float) -> str:
    """Return the code that an app with this seed shows at a Unix time (RFC 6238: SHA-1, six digits, half a minute)."""
    import base64

    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.twofactor.totp import TOTP

    return TOTP(base64.b32decode(seed), 6, SHA1(), _STEP).generate(int(at)).decode()  # noqa: S303 - what apps compute


def _set_up() -> Accounts:
    """Set Django up for the pages of the map in this folder, as the web process does."""
    from django.conf import settings

    from expunge.web.site.settings import set_up

    data_map = survey.read(None)
    database = survey.accounts_database(data_map)
    if data_map.accounts is None or database is None:
        raise Misconfigured("the map has no accounts", help="begin the served demonstration anew")
    set_up(data_map.accounts, database.settings)
    # Why only here: it sets Django up without the pages, where nothing has set it up.
    from expunge.bootstrap.accounts.pages import open_accounts

    accounts = open_accounts(data_map, database)
    assert accounts is not None
    settings.EXPUNGE_FIELDS, settings.EXPUNGE_GUARD = accounts.fields, accounts.guard
    settings.SECRET_KEY = accounts.fields.site_key().hex()
    return accounts


def _say(**values: str) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
