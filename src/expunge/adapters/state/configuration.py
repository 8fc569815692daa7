"""Set Django up once, lazily, and give each state database an alias of Expunge's own.

A host program's settings are left as they are: nothing is written to them, ``default`` is never used, and our app need not be among its
``INSTALLED_APPS``.
"""

from __future__ import annotations

import os
import threading
from hashlib import sha256
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from expunge import descriptors, durable
from expunge.adapters.host.disk_errors import guarded
from expunge.adapters.state.url import Database, parse
from expunge.errors import Misconfigured, StateCorrupt

_guard = threading.Lock()


def ensure_django() -> None:
    """Configure Django unless the host program did, and load its app registry. Models can be imported afterwards."""
    with _guard:
        own = not settings.configured and not os.environ.get("DJANGO_SETTINGS_MODULE")
        if own:
            settings.configure(
                INSTALLED_APPS=["expunge.adapters.state"],
                DATABASES={},
                USE_TZ=True,
                TIME_ZONE="UTC",
                # A name that is never imported: the server in `expunge.web` looks addresses up in its own API alone.
                ROOT_URLCONF="expunge.web",
                # Nothing is made from the name that a request calls the server by, and every answer needs a token.
                ALLOWED_HOSTS=["*"],
            )
        if own:
            # Why not `setup`: it also prepares logging and addresses, for servers, by a tenth of the modules of a short command.
            apps.populate(settings.INSTALLED_APPS)
        elif not apps.ready:
            django.setup()


def configure(url: str, base: Path | None = None) -> tuple[str, Database]:
    """Make the state database usable from this process and return its alias; the same URL again returns the same alias.

    Args:
        url: see :func:`expunge.adapters.state.url.parse`.
        base: folder that a relative path counts from; the working folder when None.

    Raises:
        Misconfigured: the URL cannot be understood, or the client of its database is not installed.
        StateUnavailable: its folder or file cannot be made.
        StateCorrupt: a file of another kind lies there.
    """
    database = parse(url, (base or Path.cwd()).absolute())
    alias = f"expunge-{sha256(repr(sorted(database.settings.items())).encode()).hexdigest()[:16]}"
    ensure_django()
    if database.file is not None:
        _make_private(database.file)
    with _guard:
        if alias not in connections.settings:
            whole = connections.configure_settings({"default": {}, alias: database.settings})[alias]
            # a new dict: the present one is the host program's own DATABASES
            connections.settings = {**connections.settings, alias: whole}
    try:
        connections[alias]  # loads the client
    except ImproperlyConfigured as error:
        message = f"state: the client of {database.vendor} is not installed"
        raise Misconfigured(message, help="install expunge[workers]") from error
    return alias, database


def _make_private(file: Path) -> None:
    """Make the file ourselves, so that it and the journals SQLite puts beside it (which take its mode) are readable by the owner only."""
    with guarded("the state database could not be made"):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            _refuse_foreign(file)
            return
        durable.fsync_directory(file.parent, at="state.create.folder")


def _refuse_foreign(file: Path) -> None:
    """Stop before SQLite touches a file that it did not make; the bytes are those at the start of every database of its version 3."""
    # Why not opened and closed: that would drop the locks which another connection of this process holds on it.
    with descriptors.reading(file) as existing:
        start = os.pread(existing, 16, 0)
    if start and start != b"SQLite format 3\0":
        raise StateCorrupt("the state database is damaged or is none", help=f"look at {file}: it is not ours; nothing was changed in it")
