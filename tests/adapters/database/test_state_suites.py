"""The conformance suites of shelf, outbox, leases and accounts, on files, SQLite and PostgreSQL."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import cast

from expunge.adapters.database.account_register_django import DjangoAccountRegister
from expunge.adapters.database.journal_django import open_journal
from expunge.adapters.database.leases_django import DjangoLeases
from expunge.adapters.database.outbox_django import DjangoOutbox
from expunge.adapters.database.shelf_django import DjangoShelf
from expunge.adapters.files.outbox_files import FileOutbox
from expunge.adapters.files.shelf_files import FileShelf
from expunge.ports.outbox import Outbox
from expunge.ports.shelf import Shelf
from expunge.testing.accounts.register_suite import RegisterSuite
from expunge.testing.leases_suite import LeasesSuite
from expunge.testing.outbox_suite import OutboxSuite
from expunge.testing.shelf_suite import ShelfSuite
from tests.adapters.databases import OnPostgres
from tests.architecture.failpoints import all_failpoints


def alias(place: str) -> str:
    with open_journal(place) as journal:
        return journal.alias


@cache
def _with_tables() -> Path:
    """A file that holds the tables of the state and nothing else, made once for each process."""
    folder = Path(tempfile.mkdtemp(prefix="expunge-state-"))
    atexit.register(shutil.rmtree, folder)
    open_journal(f"sqlite:///{folder}/state.db").close()
    return folder


class OnSqlite:
    def fresh_state(self, folder: Path) -> str:
        shutil.copytree(_with_tables(), folder, dirs_exist_ok=True)
        return f"sqlite:///{folder}/state.db"


class TestShelfInFiles(ShelfSuite):
    def place(self, folder: Path) -> str:
        return str(folder / "orders")

    def open(self, place: str) -> FileShelf:
        return FileShelf(Path(place))


class _ShelfInADatabase(ShelfSuite):
    together = True

    def open(self, place: str) -> DjangoShelf:
        return DjangoShelf(alias(place))

    def close(self, shelf: Shelf) -> None:
        cast("DjangoShelf", shelf).close()


class TestShelfOnSqlite(_ShelfInADatabase, OnSqlite):
    def place(self, folder: Path) -> str:
        return self.fresh_state(folder)


class TestShelfOnPostgres(OnPostgres, _ShelfInADatabase):
    def place(self, folder: Path) -> str:
        return self.fresh()


class TestOutboxInFiles(OutboxSuite):
    def place(self, folder: Path) -> str:
        return str(folder / "outbox")

    def open(self, place: str) -> FileOutbox:
        return FileOutbox(Path(place))

    def notices(self, place: str) -> list[bytes]:
        return [path.read_bytes() for path in sorted(Path(place).glob("*.json"))]


class _OutboxInADatabase(OutboxSuite):
    def open(self, place: str) -> DjangoOutbox:
        return DjangoOutbox(alias(place))

    def notices(self, place: str) -> list[bytes]:
        outbox = self.open(place)
        found = list(outbox.waiting())
        outbox.close()
        return found

    def close(self, outbox: Outbox) -> None:
        cast("DjangoOutbox", outbox).close()

    def test_what_was_delivered_is_taken_away_and_comes_again_when_it_is_put_again(self, tmp_path: Path) -> None:
        place = self.place(tmp_path)
        from expunge.testing.outbox_suite import ONE

        outbox = self.open(place)
        outbox.put(ONE, "done", "text", {})
        outbox.remove(ONE, "done")
        outbox.remove(ONE, "done")
        assert self.notices(place) == []
        outbox.put(ONE, "done", "text", {})
        assert len(self.notices(place)) == 1
        outbox.close()


class TestOutboxOnSqlite(_OutboxInADatabase, OnSqlite):
    def place(self, folder: Path) -> str:
        return self.fresh_state(folder)


class TestOutboxOnPostgres(OnPostgres, _OutboxInADatabase):
    def place(self, folder: Path) -> str:
        return self.fresh()


class _LeasesInADatabase(LeasesSuite):
    failpoints = (
        "leases.take:before",
        "leases.take.commit:before",
        "leases.take.commit:after",
        "leases.renew:before",
        "leases.renew.commit:before",
        "leases.renew.commit:after",
        "leases.end:before",
        "leases.end:after",
    )

    def open(self, place: str) -> DjangoLeases:
        return DjangoLeases(alias(place))

    def test_the_points_above_are_all_that_there_are(self) -> None:
        assert {name for name in all_failpoints() if name.startswith("leases.")} == set(self.failpoints)


class TestLeasesOnSqlite(_LeasesInADatabase, OnSqlite):
    def place(self, folder: Path) -> str:
        return self.fresh_state(folder)


class TestLeasesOnPostgres(OnPostgres, _LeasesInADatabase):
    def place(self, folder: Path) -> str:
        return self.fresh()


class _AccountsInADatabase(RegisterSuite):
    @property
    def failpoints(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(name for name in all_failpoints() if name.startswith("accounts."))

    def open(self, place: str) -> DjangoAccountRegister:
        return DjangoAccountRegister(alias(place))


class TestAccountsOnSqlite(_AccountsInADatabase, OnSqlite):
    def place(self, folder: Path) -> str:
        return self.fresh_state(folder)

    def copied(self, place: str, folder: Path) -> str:
        shutil.copytree(Path(place.removeprefix("sqlite:///")).parent, folder)
        return f"sqlite:///{folder}/state.db"


class TestAccountsOnPostgres(OnPostgres, _AccountsInADatabase):
    def place(self, folder: Path) -> str:
        return self.fresh()

    def copied(self, place: str, folder: Path) -> str:
        return self.copy_of(place)
