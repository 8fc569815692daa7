"""The pages as a WSGI application, in a process whose Django was set up for them (:mod:`expunge.web.site.settings`)."""

from __future__ import annotations

from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command

from expunge.ports.accounts.sealed_fields import SealedFields
from expunge.web.site.settings import take_keeper


def make_pages(fields: SealedFields) -> WSGIHandler:
    """Bring the accounts' database to the present tables, and return the application. Raises KeeperAway."""
    take_keeper(fields)
    call_command("migrate", verbosity=0, interactive=False)
    return WSGIHandler()
