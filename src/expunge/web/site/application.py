"""The pages as a WSGI application, in a process whose Django was set up for them (:mod:`expunge.web.site.settings`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from allauth.account.signals import email_confirmed
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest
from django.utils import translation

from expunge.ports.accounts.account_guard import AccountGuard
from expunge.ports.accounts.hand_overs import HandOvers
from expunge.ports.accounts.recoveries import Recoveries
from expunge.ports.accounts.sealed_fields import SealedFields
from expunge.ports.accounts.staff_directory import StaffDoor
from expunge.ports.families.doors import FamilyDoors
from expunge.web.routes import note_route
from expunge.web.site.accounts.closing import account_closing
from expunge.web.site.mail.addresses import forget, settle_confirmed
from expunge.web.site.shell import views


class Pages(WSGIHandler):
    """Django, with the name of each request's route noted."""

    def get_response(self, request: HttpRequest) -> Any:
        """Answer."""
        response = super().get_response(request)
        note_route(request)
        return response

    def turned_away(self, environ: dict[str, Any], start_response: Any, retry: int) -> Iterable[bytes]:
        """Answer a request that waited for a thread in vain, without session and database.

        Args:
            environ: of the request.
            start_response: as WSGI has it.
            retry: seconds after which the person may try again.
        """
        request = self.request_class(environ)
        with translation.override(translation.get_language_from_request(request)):
            answer = views.turned_away(request, retry)
        start_response(f"{answer.status_code} {answer.reason_phrase}", list(answer.items()))
        return [answer.content]


def make_pages(
    fields: SealedFields,
    guard: AccountGuard | None = None,
    staff: StaffDoor | None = None,
    hand_overs: HandOvers | None = None,
    recoveries: Recoveries | None = None,
    clerk: FamilyDoors | None = None,
) -> Pages:
    """Bring the accounts' database to the present tables, and return the application. The keeper need not run yet.

    Args:
        fields: the keeper, which seals fields.
        guard: the keeper, which guards accounts; pages that need it fail without.
        staff: the keeper, which knows the register of staff; pages of staff fail without.
        hand_overs: the keeper, which takes the company's tokens; pages that need it fail without.
        recoveries: the keeper, which lets people back into accounts; pages that need it fail without.
        clerk: answers the pages of families, which fail without.
    """
    settings.EXPUNGE_FIELDS, settings.EXPUNGE_GUARD, settings.EXPUNGE_STAFF = fields, guard, staff
    settings.EXPUNGE_HAND_OVERS, settings.EXPUNGE_RECOVERIES, settings.EXPUNGE_CLERK = hand_overs, recoveries, clerk
    email_confirmed.connect(settle_confirmed, dispatch_uid="expunge.mail")
    account_closing.connect(_forget_mail, dispatch_uid="expunge.mail")
    if not migrated():
        call_command("migrate", verbosity=0, interactive=False)
    return Pages()


def _forget_mail(addresses: Sequence[str], **_: Any) -> None:
    for address in addresses:
        forget(address)


def migrated() -> bool:
    """Return whether the accounts' database has the present tables."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())
