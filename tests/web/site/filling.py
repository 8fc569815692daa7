"""Fills the accounts of a company that is served: ``python -m tests.web.site.filling COUNT`` in its folder, whose keeper runs.

Account ``n`` has the address ``person{n}@mail.example`` and the password of :func:`password_of`; every second one has an app for codes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.moment import beside

DIFFERENT = 10
"""Passwords that are hashed; the accounts share them, since a hash takes a fifth of a second."""


def address_of(number: int) -> str:
    return f"person{number}@mail.example"


def password_of(number: int) -> str:
    return f"quiet otter number {number % DIFFERENT} swims"


def fill(folder: Path, count: int) -> None:
    """Make so many accounts. The pages have to have answered once: then their tables are made."""
    run_beside(folder, "tests.web.site.filling", str(count))


def run_beside(folder: Path, module: str, *arguments: str) -> str:
    """Run a module of the tests in the folder of a company, and return what it writes."""
    environment = os.environ | {"PYTHONPATH": beside(Path(__file__).parents[3])}
    ran = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout


def pages_here() -> Any:
    """Set Django up for the pages of the map in this folder, as the web process does, and return its keeper."""
    from django.conf import settings

    from expunge import survey
    from expunge.web.site.settings import set_up

    data_map = survey.read(None)
    database = survey.accounts_database(data_map)
    assert data_map.accounts is not None
    assert database is not None
    set_up(data_map.accounts, database.settings)
    # Why only here: it sets Django up without the pages, where nothing has set it up.
    from expunge.bootstrap.accounts.pages import open_accounts

    accounts = open_accounts(data_map, database)
    assert accounts is not None
    settings.EXPUNGE_FIELDS, settings.EXPUNGE_GUARD, settings.EXPUNGE_RECOVERIES = accounts.fields, accounts.guard, accounts.recoveries
    settings.SECRET_KEY = accounts.fields.site_key().hex()
    return accounts.fields


def make_accounts(count: int) -> None:
    """Make so many accounts, where Django is set up for the pages."""
    from allauth.account.models import EmailAddress
    from allauth.mfa.adapter import get_adapter
    from allauth.mfa.models import Authenticator
    from django.contrib.auth.hashers import make_password
    from django.db import transaction

    from expunge.web.site.accounts.models import Account

    hashes = [make_password(password_of(number)) for number in range(DIFFERENT)]
    with transaction.atomic():
        accounts = Account.objects.bulk_create([Account(password=hashes[number % DIFFERENT]) for number in range(count)])
        EmailAddress.objects.bulk_create(
            [
                EmailAddress(user_id=account.pk, email=address_of(number), verified=True, primary=True)
                for number, account in enumerate(accounts)
            ]
        )
        seed = get_adapter().encrypt("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
        Authenticator.objects.bulk_create(
            [Authenticator(user_id=account.pk, type=Authenticator.Type.TOTP, data={"secret": seed}) for account in accounts[::2]]
        )


if __name__ == "__main__":
    pages_here()
    make_accounts(int(sys.argv[1]))
