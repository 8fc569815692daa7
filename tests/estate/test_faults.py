"""What befalls a company's stores while an order is carried out: a bad one never hides or stops the others, and later all is done."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pyarrow.parquet as pq
import pytest

from expunge import faults
from expunge.core.evidence.receipt import Result
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Reason
from expunge.gate import Subject
from expunge.servers.processes import descendants
from expunge.stores.s3 import bucket_connection
from expunge.stores.s3 import deletion as s3_deletion
from expunge.testing.forked import in_child
from tests.engine.household import wav
from tests.estate.estate import Child, Estate
from tests.estate.troubles import (
    EVERYTHING,
    HELD,
    a_stranger_on,
    always,
    applied,
    bound_by_modes,
    ended_in_part,
    entries,
    environment,
    finished,
    left,
    planned,
    whole,
)  # fmt: skip
from tests.stores.s3.s3_proxy import Answer, Asked, Proxy, refusal, standing_before

APP = HELD["app"] | {"accounts"}
"""The account holds nothing of the child; while the database cannot be asked, nobody can say so."""
WAITS_FOR_AUDIO = HELD["audio"] | HELD["app"]
"""Objects are found through rows, which therefore stay until they are gone, and the rows' ids stay with them."""


@pytest.fixture
def company(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> Estate:
    """The estate without waiting for S3's disk, which is somebody else's then, and with stores that are asked again without long pauses."""
    estate.map.write_text("".join(line for line in estate.map.read_text().splitlines(keepends=True) if "vacuum:" not in line))
    monkeypatch.setattr(bucket_connection, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(s3_deletion, "SETTLE", 0.3)
    return estate


@pytest.fixture
def child(company: Estate) -> Child:
    return company.children[2]


@pytest.fixture
def before(company: Estate) -> set[str]:
    return company.logical()


@pytest.fixture
def between(company: Estate) -> Iterator[Proxy]:
    """Somebody stands between us and the object store."""
    with standing_before(company.seaweed.endpoint) as proxy, environment(ESTATE_S3=proxy.endpoint):
        yield proxy


def subject(child: Child) -> Subject:
    return Subject("profile", child.profile)


def run_sql(estate: Estate, *statements: str) -> None:
    with psycopg.connect(estate.database, autocommit=True) as connection:
        for each in statements:
            connection.execute(each)


@contextmanager
def altered(estate: Estate, there: str, back: str) -> Iterator[None]:
    run_sql(estate, there)
    try:
        yield
    finally:
        run_sql(estate, back)


# --- stopped ---------------------------------------------------------------------------------------


@contextmanager
def app_stopped(estate: Estate) -> Iterator[None]:
    estate.postgres.kill()
    try:
        yield
    finally:
        estate.postgres.start()


@contextmanager
def audio_stopped(estate: Estate) -> Iterator[None]:
    estate.seaweed.kill()
    try:
        yield
    finally:
        estate.seaweed.start()


@contextmanager
def moved_away(estate: Estate, name: str) -> Iterator[None]:
    """A disk that is not mounted."""
    away = estate.folder / "away"
    (estate.world / name).rename(away)
    try:
        yield
    finally:
        if (estate.world / name).is_file():
            (estate.world / name).unlink()
        away.rename(estate.world / name)


def lake_stopped(estate: Estate) -> AbstractContextManager[None]:
    return moved_away(estate, "lake")


def hub_stopped(estate: Estate) -> AbstractContextManager[None]:
    return moved_away(estate, "hub.db")


# One of each kind of trouble runs in make test, over another store each time, and troubles of different stores befall one order there. The
# soak has each of them alone.
STOPPED = [
    pytest.param(app_stopped, APP, "erase:events", id="app", marks=pytest.mark.soak),
    pytest.param(audio_stopped, WAITS_FOR_AUDIO, "erase:voice", id="audio", marks=pytest.mark.soak),
    pytest.param(lake_stopped, HELD["lake"], "erase:events", id="lake", marks=pytest.mark.soak),
    pytest.param(hub_stopped, HELD["hub"], "erase:places", id="hub", marks=pytest.mark.soak),
]


@pytest.mark.parametrize(("stopped", "unable", "step"), STOPPED)
def test_a_store_that_stops_half_way_does_not_stop_the_others(company, child, before, stopped, unable, step) -> None:
    order = planned(company, child)
    with ExitStack() as until:
        run = applied(company, order, {(step, "start"): lambda: until.enter_context(stopped(company))})
        ended_in_part(company, run, unable)
    finished(company, order, child, before)


@pytest.mark.soak
def test_a_store_that_is_away_when_the_order_is_planned_is_said_and_the_others_are_erased(company, child, before) -> None:
    with app_stopped(company):
        pass  # it was restarted a moment ago: old connections are dead
    with hub_stopped(company):
        order = planned(company, child)
        run = applied(company, order)
        said = ended_in_part(company, run, HELD["hub"])
    assert said["places"].detail
    finished(company, order, child, before)


@pytest.mark.soak
def test_ports_that_somebody_else_took_are_stores_that_cannot_be_reached(company, child, before) -> None:
    order = planned(company, child)
    with ExitStack() as until:

        def taken() -> None:
            for stopped, url in ((app_stopped, company.database), (audio_stopped, company.seaweed.endpoint)):
                until.enter_context(stopped(company))
                until.enter_context(a_stranger_on(urlsplit(url).port))

        run = applied(company, order, {("erase:events", "start"): taken})
        said = ended_in_part(company, run, APP | HELD["audio"])
        assert said["voice"].reason is Reason.UNREACHABLE
        assert said["transcripts"].reason is Reason.UNREACHABLE
    finished(company, order, child, before)


# --- slow ------------------------------------------------------------------------------------------


def frozen(pid: int) -> Callable[[], None]:
    """Stop a server with all its processes; what lets it go on."""
    # Stopped first: it starts no others meanwhile.
    family = [pid]
    os.kill(pid, signal.SIGSTOP)
    for each in descendants(pid):
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGSTOP)
            family.append(each)

    def thaw() -> None:
        for each in reversed(family):
            os.kill(each, signal.SIGCONT)

    return thaw


@contextmanager
def slow(pid: int, seconds: float) -> Iterator[None]:
    """A server that does not answer for a while; the block waits until it does again."""
    thawing = threading.Timer(seconds, frozen(pid))
    thawing.start()
    try:
        yield
    finally:
        thawing.join()


@pytest.mark.soak
def test_slow_stores_are_waited_for(company, child, before) -> None:
    order = planned(company, child)
    with ExitStack() as until:
        run = applied(
            company,
            order,
            {
                ("erase:transcripts", "start"): lambda: until.enter_context(slow(company.postgres.pid, 1.2)),
                ("erase:voice", "start"): lambda: until.enter_context(slow(company.seaweed.pid, 1.2)),
            },
        )
    assert run.state is OrderState.FULFILLED
    finished(company, order, child, before)


@pytest.mark.soak
def test_a_store_that_hangs_is_not_waited_for_for_ever(company, child, before, monkeypatch) -> None:
    monkeypatch.setattr("expunge.stores.postgres.server.connection._CONNECT_SECONDS", 2)
    order = planned(company, child)
    with ExitStack() as until:

        def hang() -> None:
            until.callback(frozen(company.postgres.pid))

        begun = time.monotonic()
        run = applied(company, order, {("erase:events", "start"): hang})
        assert time.monotonic() - begun < 200
        ended_in_part(company, run, APP)
    finished(company, order, child, before)


# --- full ------------------------------------------------------------------------------------------

FULL = [
    pytest.param("postgres.erase.commit:before", HELD["app"], id="app", marks=pytest.mark.soak),
    pytest.param("s3.erase.delete:before", WAITS_FOR_AUDIO, id="audio", marks=pytest.mark.soak),
    pytest.param("files.rewrite.swap:before", HELD["lake"], id="lake"),
    pytest.param("sqlite.erase.commit:before", HELD["hub"], id="hub", marks=pytest.mark.soak),
]


@pytest.mark.soak
@pytest.mark.parametrize(("point", "unable"), FULL)
def test_a_store_whose_disk_is_full_does_not_stop_the_others(company, child, before, point, unable) -> None:
    order = planned(company, child)
    with always(point, "full"):
        run = applied(company, order)
    said = ended_in_part(company, run, unable)
    assert Reason.DISK_FULL in {said[name].reason for name in unable}
    finished(company, order, child, before)


# --- read-only, and rights that go half-way --------------------------------------------------------


@contextmanager
def read_only_app(estate: Estate) -> Iterator[None]:
    name = estate.database.rpartition("/")[2]
    with psycopg.connect(estate.postgres.url, autocommit=True) as connection:
        # The number is how many milliseconds the server waits for each session's end.
        everybody_out = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        connection.execute(everybody_out)
        try:
            yield
        finally:
            connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            connection.execute(everybody_out)


@contextmanager
def read_only(estate: Estate, part: str) -> Iterator[None]:
    top = estate.world / part
    everything = [top, *top.rglob("*")] if top.is_dir() else [top]
    modes = {each: each.stat().st_mode for each in everything}
    for each, mode in modes.items():
        each.chmod(mode & 0o555)
    try:
        with bound_by_modes():
            yield
    finally:
        for each, mode in modes.items():
            each.chmod(mode)


READ_ONLY = [
    pytest.param(read_only_app, HELD["app"], id="app", marks=pytest.mark.soak),
    pytest.param(lambda estate: read_only(estate, "lake"), HELD["lake"], id="lake", marks=pytest.mark.soak),
    pytest.param(lambda estate: read_only(estate, "hub.db"), HELD["hub"], id="hub"),
]


@pytest.mark.soak
@pytest.mark.parametrize(("made", "unable"), READ_ONLY)
def test_a_store_that_is_made_read_only_half_way_is_said_and_finished_later(company, child, before, made, unable) -> None:
    order = planned(company, child)
    with ExitStack() as until:
        run = applied(company, order, {("erase:events", "start"): lambda: until.enter_context(made(company))})
        said = ended_in_part(company, run, unable)
        assert Reason.PERMISSION in {said[name].reason for name in unable}
        assert {said[name].reason for name in unable} <= {Reason.PERMISSION, Reason.REFERENCED}
    finished(company, order, child, before)


@pytest.mark.soak
def test_credentials_of_the_bucket_that_are_revoked_after_the_first_deletion(company, between, child, before) -> None:
    order = planned(company, child)
    deletions = []

    def instead(asked: Asked) -> Answer | None:
        deletions.extend([asked] if asked.is_delete else [])
        return refusal(403, "AccessDenied") if len(deletions) > 1 else None

    def after(asked: Asked, answer: Answer) -> Answer:
        deletions.extend([asked] if asked.is_delete else [])
        return answer

    between.instead, between.after = instead, after
    run = applied(company, order)
    assert deletions
    said = ended_in_part(company, run, WAITS_FOR_AUDIO)
    assert "AccessDenied" in said["voice"].detail
    between.instead, between.after = lambda asked: None, lambda asked, answer: answer
    finished(company, order, child, before)


@pytest.mark.soak
def test_a_role_that_loses_its_rights_half_way(company, child, before) -> None:
    name = company.database.rpartition("/")[2]
    role = f"eraser_{name}"
    tables = "accounts, profiles, recordings, transcripts"
    run_sql(company, f"CREATE ROLE {role} LOGIN", f"GRANT SELECT, DELETE, MAINTAIN ON {tables} TO {role}")
    parts = urlsplit(company.database)
    try:
        with environment(ESTATE_APP=urlunsplit(parts._replace(netloc=f"{role}@{parts.hostname}:{parts.port}"))):
            order = planned(company, child)
            revoke = f"REVOKE DELETE ON recordings FROM {role}"
            run = applied(company, order, {("erase:voice", "done"): lambda: run_sql(company, revoke)})
            said = ended_in_part(company, run, {"recordings", "profiles"})
            assert said["recordings"].reason is Reason.PERMISSION
            run_sql(company, f"GRANT DELETE ON recordings TO {role}")
            run = applied(company, order)
            assert run.state is OrderState.FULFILLED, run.reasons
            assert whole(company, run)
        assert not any(child.profile in row for row in company.logical())
    finally:
        run_sql(company, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


# --- schemas that change between plan and apply ----------------------------------------------------


@contextmanager
def column_renamed_in_app(estate: Estate) -> Iterator[None]:
    with altered(
        estate, "ALTER TABLE transcripts RENAME COLUMN recording_id TO rec", "ALTER TABLE transcripts RENAME COLUMN rec TO recording_id"
    ):
        yield


@contextmanager
def column_renamed_in_hub(estate: Estate) -> Iterator[None]:
    def rename(old: str, new: str) -> None:
        with closing(sqlite3.connect(estate.world / "hub.db")) as db, db:
            db.execute(f"ALTER TABLE places RENAME COLUMN {old} TO {new}")

    rename("profile_id", "who")
    try:
        yield
    finally:
        rename("who", "profile_id")


@contextmanager
def column_renamed_in_lake(estate: Estate) -> Iterator[None]:
    def rename(old: str, new: str) -> None:
        for path in (estate.world / "lake" / "events").rglob("*.parquet"):
            table = pq.read_table(path, partitioning=None)
            names = [new if each == old else each for each in table.column_names]
            pq.write_table(table.rename_columns(names), path, compression="zstd", row_group_size=4)

    rename("profile_id", "who")
    try:
        yield
    finally:
        rename("who", "profile_id")


CHANGED = [
    pytest.param(column_renamed_in_app, {"transcripts", "recordings", "profiles"}, id="app", marks=pytest.mark.soak),
    pytest.param(column_renamed_in_hub, {"places"}, id="hub", marks=pytest.mark.soak),
]


@pytest.mark.parametrize(("changed", "unable"), CHANGED)
def test_a_schema_that_changed_between_plan_and_apply(company, child, before, changed, unable) -> None:
    order = planned(company, child)
    with changed(company):
        run = applied(company, order)
        said = ended_in_part(company, run, unable)
        assert {said[name].reason for name in unable} & {Reason.SCHEMA_CHANGED, Reason.CORRUPT}
    finished(company, order, child, before)


@pytest.mark.soak
def test_a_schema_that_changed_and_a_store_that_stops_half_way_keep_what_they_hold_alone(company, child, before) -> None:
    order = planned(company, child)
    with ExitStack() as until:
        until.enter_context(column_renamed_in_hub(company))
        run = applied(company, order, {("erase:events", "start"): lambda: until.enter_context(app_stopped(company))})
        said = ended_in_part(company, run, APP | HELD["hub"])
        assert said["places"].reason in {Reason.SCHEMA_CHANGED, Reason.CORRUPT}
    finished(company, order, child, before)


@pytest.mark.soak
def test_a_column_of_a_lake_that_was_renamed_between_plan_and_apply_never_reads_as_done(company, child, before) -> None:
    """A file without the column is nobody's by the map; the scan finds the person in it all the same."""
    order = planned(company, child)
    with column_renamed_in_lake(company):
        run = applied(company, order)
        assert run.state is OrderState.IN_PART
        said = entries(company, order)
        assert {each.store for each in said.values() if each.reason is Reason.RESIDUE} == {"lake"}
        assert said["events"].outcome is not Result.ERASED
    finished(company, order, child, before)


def keep_versions(estate: Estate, child: Child) -> None:
    """Let the bucket keep versions from now on, and write one of the child's objects again."""
    client = estate.s3()
    client.put_bucket_versioning(Bucket=estate.bucket, VersioningConfiguration={"Status": "Enabled"})
    client.put_object(Bucket=estate.bucket, Key=f"voice/{child.recordings[0]}.wav", Body=wav("again"))
    client.close()


@pytest.mark.soak
def test_a_bucket_that_begins_to_keep_versions_between_plan_and_apply_keeps_none_of_the_persons(company, child, before) -> None:
    order = planned(company, child)
    keep_versions(company, child)
    assert applied(company, order).state is OrderState.FULFILLED
    finished(company, order, child, before)


# --- others at work --------------------------------------------------------------------------------


def write_again(estate: Estate, child: Child) -> None:
    """A writer who asked no gate: a bit of the person in every store."""
    run_sql(estate, f"INSERT INTO profiles VALUES ('{child.profile}', '{child.account}', 'Name-{child.profile}', NULL)")
    run_sql(estate, f"INSERT INTO recordings VALUES ('{child.recordings[0]}', '{child.profile}', 0.3, '2026-05-01')")
    with closing(sqlite3.connect(estate.world / "hub.db")) as db, db:
        db.execute("INSERT INTO places (profile_id, place) VALUES (?, ?)", (child.profile, f"place-{child.profile}"))
    client = estate.s3()
    client.put_object(Bucket=estate.bucket, Key=f"voice/{child.recordings[0]}.wav", Body=wav(f"{child.profile}{child.recordings[0]}"))
    client.close()
    events = estate.world / "lake" / "events" / "day=2026-05-01"
    table = pq.read_table(estate.world / "lake" / "events" / "day=2026-05-02" / "part-0.parquet", partitioning=None)
    row = table.slice(0, 1).to_pylist()[0]
    pq.write_table(table.from_pylist([{**row, "profile_id": child.profile, "said": child.said[0]}]), events / "late.parquet")


@pytest.mark.soak
def test_a_writer_who_brings_the_person_back_after_erasing_is_caught_in_every_store(company, child, before) -> None:
    order = planned(company, child)
    run = applied(company, order, {("purge:lake", "done"): lambda: write_again(company, child)})
    ended = {name for name, each in entries(company, order).items() if each.reason is Reason.RESIDUE}
    assert {"profiles", "recordings", "voice", "places", "events"} <= ended
    assert run.state is OrderState.IN_PART
    again = applied(company, order)
    assert again.state is OrderState.FULFILLED
    assert left(company, child) == []
    lake = company.world / "lake" / "events" / "day=2026-05-01"
    assert not (lake / "late.parquet").exists() or pq.read_table(lake / "late.parquet", partitioning=None).num_rows == 0
    assert not any(child.profile in row for row in company.logical())


@pytest.mark.soak
def test_what_is_written_between_plan_and_apply_goes_too(company, child, before) -> None:
    order = planned(company, child)
    with company.open() as opened:
        assert not opened.gate().may_use(subject(child), "store")
    late = "d3adb33fd3adb33fd3adb33f"
    run_sql(company, f"INSERT INTO recordings VALUES ('{late}', '{child.profile}', 0.3, '2026-05-01')")
    client = company.s3()
    client.put_object(Bucket=company.bucket, Key=f"voice/{late}.wav", Body=wav(late))
    client.close()
    assert applied(company, order).state is OrderState.FULFILLED
    assert not any(late in row for row in company.logical())
    finished(company, order, child, before)


@pytest.mark.soak
def test_a_long_transaction_and_open_readers_hold_up_their_own_stores_only(company, child, before) -> None:
    text = company.map.read_text().replace('"${ESTATE_APP}"', '"${ESTATE_APP}", lock_ms: 300')
    company.map.write_text(text.replace("busy_ms: 500", "busy_ms: 300"))
    order = planned(company, child)
    path = company.world / "lake" / "events" / "day=2026-05-01" / "part-0.parquet"
    with (
        psycopg.connect(company.database) as long,
        closing(sqlite3.connect(company.world / "hub.db", isolation_level=None)) as reader,
        pq.ParquetFile(path) as analyst,
    ):
        long.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        long.execute("DECLARE c CURSOR FOR SELECT * FROM transcripts")
        long.execute("FETCH 1 FROM c")
        reader.execute("BEGIN")
        cursor = reader.execute("SELECT * FROM places")
        cursor.fetchone()
        run = applied(company, order)
        cursor.close()
        ended_in_part(company, run, dict.fromkeys(EVERYTHING - HELD["audio"], Reason.READER_OPEN))
        assert len(long.execute("FETCH ALL FROM c").fetchall()) == 17, "the reader's view was broken"
        assert analyst.read().num_rows == 6, "the analyst's file was broken"
    finished(company, order, child, before)


# --- services that answer badly --------------------------------------------------------------------


@pytest.mark.soak
def test_a_busy_service_with_short_pages_is_asked_until_it_has_answered(company, between, child, before) -> None:
    order = planned(company, child)
    asked_before: set[bytes] = set()

    def instead(asked: Asked) -> Answer | None:
        what = f"{asked.method} {asked.path}".encode() + asked.body
        if what in asked_before:
            return None
        asked_before.add(what)
        return refusal(429, "TooManyRequests", **{"Retry-After": "0"})

    between.instead = instead
    run = applied(company, order)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert asked_before
    finished(company, order, child, before)


def busy(asked: Asked) -> Answer | None:
    return refusal(429, "TooManyRequests", **{"Retry-After": "0"})


def cut(asked: Asked, answer: Answer) -> Answer:
    """A listing that breaks off in the middle, every time."""
    return Answer(answer.status, answer.body, answer.headers, len(answer.body) // 2) if asked.is_listing else answer


def lies(asked: Asked) -> Answer | None:
    """Says that all was deleted, and deletes nothing."""
    if not asked.is_delete:
        return None
    return Answer(200, b"<DeleteResult/>") if asked.method == "POST" else Answer(204)


LIED = {Reason.RESIDUE, Reason.ERROR, Reason.UNSUPPORTED, Reason.CANNOT_TELL}
BAD = [
    pytest.param({"instead": busy}, {Reason.UNREACHABLE}, id="429 for ever", marks=pytest.mark.soak),
    pytest.param({"after": cut}, {Reason.UNREACHABLE, Reason.CORRUPT}, id="listings that break off", marks=pytest.mark.soak),
    pytest.param({"instead": lies}, LIED, id="200 and nothing deleted", marks=pytest.mark.soak),
]


@pytest.mark.parametrize(("how", "reasons"), BAD)
def test_a_service_that_answers_badly_ends_in_part_and_later_well(company, between, child, before, how, reasons) -> None:
    order = planned(company, child)

    def turn_bad() -> None:
        between.instead, between.after = how.get("instead", between.instead), how.get("after", between.after)

    usual = between.instead, between.after
    run = applied(company, order, {("erase:events", "start"): turn_bad})
    said = ended_in_part(company, run, WAITS_FOR_AUDIO)
    assert said["voice"].reason in reasons
    between.instead, between.after = usual
    finished(company, order, child, before)


def test_databases_and_a_bucket_that_say_yes_and_keep_what_they_hold_are_caught(company, between, child, before) -> None:
    run_sql(company, "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$")
    with closing(sqlite3.connect(company.world / "hub.db")) as db, db:
        db.execute("CREATE TRIGGER keep BEFORE DELETE ON places BEGIN SELECT RAISE(IGNORE); END")
    trigger = "CREATE TRIGGER keep BEFORE DELETE ON transcripts FOR EACH ROW EXECUTE FUNCTION keep()"
    with altered(company, trigger, "DROP TRIGGER keep ON transcripts"):
        order = planned(company, child)
        usual, between.instead = between.instead, lies
        run = applied(company, order)
        said = ended_in_part(company, run, HELD["app"] | HELD["hub"] | HELD["audio"])
        assert said["voice"].reason in LIED
        between.instead = usual
    with closing(sqlite3.connect(company.world / "hub.db")) as db, db:
        db.execute("DROP TRIGGER keep")
    finished(company, order, child, before)


@pytest.mark.soak
def test_a_corrupt_parquet_file_stops_nothing_but_what_it_holds(company, child, before) -> None:
    path = company.world / "lake" / "events" / "day=2026-05-02" / "part-0.parquet"
    sound = path.read_bytes()
    path.write_bytes(sound[: len(sound) // 2])
    order = planned(company, child)
    run = applied(company, order)
    said = ended_in_part(company, run, HELD["lake"])  # what the others hold lies in the damaged file too
    assert said["events"].reason is Reason.CORRUPT
    path.write_bytes(sound)
    finished(company, order, child, before)


# --- killed, and replies lost ----------------------------------------------------------------------

DEATHS = (
    "files.rewrite.swap:before", "files.rewrite.swap:after", "sqlite.erase.commit:before", "sqlite.erase.commit:after",
    "postgres.erase.commit:before", "postgres.erase.commit:after", "s3.erase.delete:before", "s3.erase.delete:after",
    "postgres.purge.table:after", "store.probe:after", "log.publish.swap:before",
)  # fmt: skip


def test_killed_before_and_after_each_stores_commit_one_after_the_other(company, child, before) -> None:
    order = planned(company, child)
    for death in DEATHS:

        def doomed(point: str = death) -> None:
            with faults.arm(point, "kill"):
                applied(company, order)

        ended = in_child(doomed)
        assert ended.killed_by == signal.SIGKILL, (death, ended.error)
    run = applied(company, order)
    assert (run.state, run.round) == (OrderState.FULFILLED, 1)
    finished(company, order, child, before)


@pytest.mark.soak
def test_replies_that_are_lost_after_each_stores_commit_are_settled_by_looking(company, child, before) -> None:
    """Also where the bucket begins to keep versions between plan and apply."""
    order = planned(company, child)
    keep_versions(company, child)
    with ExitStack() as armed:
        points = {
            "erase:events": "files.rewrite.swap:after",
            "erase:places": "sqlite.erase.commit:after",
            "erase:transcripts": "postgres.erase.commit:after",
            "erase:voice": "s3.erase.delete:after",
            "purge:app": "postgres.purge.table:after",
            "purge:hub": "sqlite.purge.vacuum:after",
            "verify:lake": "store.probe:after",
        }

        def lose(point: str) -> Callable[[], object]:
            return lambda: armed.enter_context(faults.arm(point, "lost"))

        with faults.record() as passed:
            run = applied(company, order, {(step, "start"): lose(point) for step, point in points.items()})
    assert set(points.values()) <= set(passed)
    assert (run.state, run.round) == (OrderState.FULFILLED, 1)
    with company.open() as opened:
        steps = opened.status(order).current.steps
    assert {name for name, each in steps.items() if each.attempts > 1} == set(points)
    finished(company, order, child, before)
