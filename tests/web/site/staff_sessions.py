"""Sessions of staff at moments that no test can wait for: run as a process of its own, prints one JSON object.

The register is a real one, over a journal; only the times in a session are set.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from expunge import clock

HOUR = 3600
MOMENTS: dict[str, tuple[float, float, bool]] = {
    "fresh": (0, 0, False),
    "used a moment ago": (11.9 * HOUR, 10, False),
    "unused for 29 minutes": (HOUR, 29 * 60, False),
    "unused for 31 minutes": (HOUR, 31 * 60, False),
    "in use for twelve hours": (12 * HOUR + 1, 1, False),
    "of tomorrow": (-2 * HOUR, 0, False),
    "polled for 29 minutes": (HOUR, 29 * 60, True),
    "polled for 31 minutes": (HOUR, 31 * 60, True),
}
"""Name -> (seconds since the sign-in, seconds since the last use, whether the browser asks by itself)."""


@cache
def answers() -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", __name__], capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def main() -> None:
    from expunge.core.accounts.accounts_spec import AccountsSpec
    from expunge.web.site.settings import set_up

    set_up(AccountsSpec("http://localhost", company="Acme Doorbells"), {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"})
    from django.conf import settings
    from django.core.management import call_command

    from expunge.adapters.database.journal_django import open_journal
    from expunge.adapters.keys.field_seals import FieldSeals
    from expunge.adapters.state.url import sqlite_url
    from expunge.core.accounts.staff import JobFunction
    from expunge.core.accounts.staff_acts import InviteStaff
    from expunge.core.accounts.staff_events import AccessMethod, ByMachineUser, EquivalenceRecorded
    from expunge.engine.accounts import staff_register
    from expunge.engine.accounts.staff_directory import JournalStaffDirectory
    from expunge.engine.accounts.staff_register import StaffStream
    from tests.engine.accounts.local_guard import local_guard

    settings.SECRET_KEY, settings.EXPUNGE_FIELDS = "for sessions of a test", FieldSeals(bytes(32))
    call_command("migrate", verbosity=0, interactive=False)
    with (
        TemporaryDirectory() as folder,
        TemporaryDirectory() as accounts,
        open_journal(sqlite_url(Path(folder) / "state.db")) as journal,
        local_guard(Path(accounts)) as local,
    ):
        settings.EXPUNGE_GUARD = local.guard
        stream = StaffStream(journal)
        directory = settings.EXPUNGE_STAFF = JournalStaffDirectory(journal, clock, secrets.token_bytes, "omar")
        made = staff_register.decide(stream, clock, secrets.token_bytes, InviteStaff("desk-1", JobFunction.REVIEWER), ByMachineUser("omar"))
        account = directory.redeem(made.secret)
        told: dict[str, Any] = {name: _asked(account, *moment) for name, moment in MOMENTS.items()}
        told["by a provider without an equivalence"] = _asked(account, 60, 0, method="provider")
        until = clock.now() + timedelta(days=30)
        for method in (AccessMethod.TOTP, AccessMethod.PROVIDER):
            event = EquivalenceRecorded(clock.now(), account, method, "0" * 64, "SEC-1", until, "programme-head", "c2ln")
            stream.enter(lambda _, event=event: (event,))  # type: ignore[misc]
            told[f"by a provider with an equivalence for {method.value}"] = _asked(account, 60, 0, method="provider")
        print(json.dumps(told))


def _asked(account: str, since: float, seen: float, polled: bool = False, method: str = "passkey") -> dict[str, Any]:
    """Ask for a page in a session of these times; what came of it."""
    from uuid import UUID

    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpRequest, HttpResponse
    from django.test import RequestFactory

    from expunge.core.accounts.staff import StaffRight
    from expunge.web.site.accounts.session_store import SessionStore
    from expunge.web.site.staff import entering
    from expunge.web.site.staff.strength import SignInMethod

    request: Any = RequestFactory().get("/staff/")
    request.session, request.user, request._messages = SessionStore(), AnonymousUser(), Said()
    entering.begin(request, UUID(account), SignInMethod(method))
    now = int(clock.timestamp())
    held = {"since": int(now - since), "seen": int(now - seen), "method": method}
    request.session["expunge_staff"] = held

    def page(asked: HttpRequest) -> HttpResponse:
        return HttpResponse(getattr(asked, "staff").label)  # noqa: B009 - of the decorator

    answer: Any = entering.staff_page(polled=polled)(page)(request)
    kept = request.session.get("expunge_staff", {})
    lacking: Any = None
    if answer.status_code == 200:
        lacking = entering.staff_page(StaffRight.MANAGE_STAFF)(page)(request).status_code
    return {
        "status": answer.status_code,
        "shown": answer.content.decode(),
        "where": answer.headers.get("Location", ""),
        "said": list(request._messages),
        "moved": kept.get("seen", 0) > held["seen"],
        "over": not request.session.keys(),
        "without the right": lacking,
    }


class Said(list[str]):
    """Where messages to the person go."""

    def add(self, _: int, words: str, __: str = "") -> None:
        self.append(str(words))


if __name__ == "__main__":
    main()
