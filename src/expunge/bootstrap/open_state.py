"""Open an installation's own state, as the map's ``state`` names it: a folder or a server.

In a folder everything is files, and one process at a time runs orders. On PostgreSQL orders, receipts, notices and leases lie on the
server, and any number of workers run orders. Keys, log and the gate's snapshot stay in the folder, which all workers share.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from expunge.adapters.database.journal_django import DjangoJournal, open_journal
from expunge.adapters.files.outbox_files import FileOutbox
from expunge.adapters.files.shelf_files import FileShelf
from expunge.adapters.log.cosigning import Witnesses
from expunge.adapters.state.url import sqlite_url
from expunge.bootstrap.state_folder import DATABASE, LOG, ORDERS, OUTBOX, keys_missing
from expunge.core.accounts.staff_events import RightUsed, StaffSeen
from expunge.core.datamap.datamap import DataMap, WitnessSpec
from expunge.core.gate.gate_snapshot import ListedMeaning, parse_snapshot
from expunge.core.journal import events as ev
from expunge.core.journal.incident_events import IncidentsLogged
from expunge.core.journal.ledger_events import LedgerLogged
from expunge.core.journal.peek import peek
from expunge.core.journal.review_events import ReviewsLogged
from expunge.core.log import trust
from expunge.errors import EvidenceInvalid, Misconfigured
from expunge.maps import find_map, read_map
from expunge.ports.keys import InstallationKeys
from expunge.ports.leases import Leases
from expunge.ports.outbox import Outbox
from expunge.ports.queue import Queue
from expunge.ports.shelf import Shelf
from expunge.stores import Kinds

PATIENCE = timedelta(seconds=5)
"""How long all witnesses together may take to cosign a checkpoint. The log is locked meanwhile."""


@dataclass(frozen=True)
class InstallationState:
    """The parts of an installation's state, behind their ports."""

    journal: DjangoJournal
    shelf: Shelf
    outbox: Outbox
    leases: Leases | None = None
    """None where one process at a time runs orders."""
    queue: Queue | None = None


def require_unused(data_map: DataMap) -> None:
    """Raise StateUnavailable where a journal was written under keys that are gone: new ones would know none of the subjects in it."""
    folder = Path(data_map.state)
    used = any((folder / part).exists() for part in (DATABASE, LOG, ORDERS))
    if not used and data_map.state_url:
        with _on_server(data_map.state_url).journal as journal:
            used = any(True for _ in journal.streams())
    if used:
        raise keys_missing(folder)


def open_state(data_map: DataMap) -> InstallationState:
    """Open the state that the map names. Raises as :func:`expunge.adapters.database.journal_django.open_journal`."""
    folder = Path(data_map.state)
    if data_map.state_url:
        return _on_server(data_map.state_url)
    shelf, outbox = FileShelf(folder / ORDERS), FileOutbox(folder / OUTBOX)
    return InstallationState(open_journal(sqlite_url(folder / DATABASE)), shelf, outbox)


def _on_server(url: str) -> InstallationState:
    try:
        # Why late: what only a server's state needs is an extra, and costs every other command its start.
        from expunge.adapters.database.leases_django import DjangoLeases
        from expunge.adapters.database.outbox_django import DjangoOutbox
        from expunge.adapters.database.queue_procrastinate import open_queue
        from expunge.adapters.database.shelf_django import DjangoShelf
    except ImportError as error:
        message = f"state on PostgreSQL needs a package that is not installed: {error.name}"
        raise Misconfigured(message, help="pip install 'expunge[workers]'") from error
    journal = open_journal(url)
    alias = journal.alias
    try:
        return InstallationState(journal, DjangoShelf(alias), DjangoOutbox(alias), DjangoLeases(alias), open_queue(alias))
    except BaseException:
        journal.close()
        raise


def origin_of(keys: InstallationKeys) -> str:
    """Names the log after its first key, so that two installations never share a name."""
    return f"expunge.local/{sha256(keys.log_publics()[0][0]).hexdigest()[:16]}"


def witnesses_of(spec: WitnessSpec | None, now: Callable[[], datetime]) -> Witnesses | None:
    """Return the witnesses that the map names. Raises Misconfigured where their file cannot be read."""
    if spec is None:
        return None
    try:
        policy = trust.parse(Path(spec.policy).read_bytes())
    except OSError as error:
        message = f"witnesses.policy: {spec.policy} cannot be read: {error.strerror}"
        raise Misconfigured(message, help="write `witness`, `group` and `quorum` lines into it; see docs/spec/trust-policy.md") from error
    except EvidenceInvalid as error:
        message = f"witnesses.policy: {error.message}"
        raise Misconfigured(message, help=error.help) from error
    return Witnesses(policy, patience=PATIENCE, longest=spec.longest, now=now)


def published(path: Path, keys: InstallationKeys) -> frozenset[bytes]:
    """Return the entries that the published snapshot suppresses.

    Empty where the snapshot is missing or not ours. Pipelines refuse such a file too.
    """
    try:
        snapshot = parse_snapshot(path.read_bytes(), keys.signer_publics())
    except (OSError, EvidenceInvalid):
        return frozenset()
    return snapshot.entries(ListedMeaning.SUPPRESSED) | snapshot.entries(ListedMeaning.FORMER)


def latest(journal: DjangoJournal) -> datetime | None:
    """The latest instant in the journal: time never goes back behind it."""
    # Why some are passed over: what says a day alone has its midnight, hours before it was written.
    return next((ev.decode(data).at for _, data in journal.newest() if not peek(data, RightUsed, StaffSeen)), None)


def anchor(journal: DjangoJournal) -> tuple[int, bytes] | None:
    """The largest log head that the journal knows: a log on disk that is older was put back from a backup."""
    # The log only grows, so that the order which entered something last knows its largest head; that order is read whole, and checked.
    # The others, some of which are large, need not be decoded to be passed over.
    logged = ev.ReceiptLogged, LedgerLogged, ReviewsLogged, IncidentsLogged
    last, newest = next(((stream, data) for stream, data in journal.newest() if peek(data, *logged)), ("", b""))
    # Why alone: the register of reviews is long, and has one entry after the other, so that its newest has its largest head.
    alone = peek(newest, ReviewsLogged) is not None
    heads = (ev.decode(data) for data in ((newest,) if alone else journal.read(last)) if peek(data, *logged)) if last else ()
    return max(((head.size, bytes.fromhex(head.root)) for head in heads if isinstance(head, logged)), default=None)


def map_file(map_path: Path | str | None) -> Path:
    """Return the map at a path, or the map found by walking up from the working folder. Raises Misconfigured without one."""
    return find_map(Path.cwd()) if map_path is None else Path(map_path)


def read_installed(map_path: Path | str | None) -> DataMap:
    """Read the map at a path, or the map found by walking up from the working folder. Raises Misconfigured."""
    return read_map(map_file(map_path), os.environ, kinds=Kinds())


@cache
def installed_version() -> str:
    """The package's version; ``0`` where it runs without having been installed."""
    try:
        return version("expunge")
    except PackageNotFoundError:
        return "0"
