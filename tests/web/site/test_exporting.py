"""A parent asks for a copy on the pages, downloads it in ranges, and nobody else gets a byte of it."""

from __future__ import annotations

import hashlib
import http.client
import io
import os
import re
import signal
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest

from expunge import clock
from expunge.adapters.keeper.connection import Connections
from expunge.adapters.keeper.requests import Status
from expunge.bootstrap import Expunge
from expunge.bootstrap.clerk.doors import doors_at
from expunge.bootstrap.clerk.household import KeptHousehold
from expunge.bootstrap.clerk.rounds import exporter
from expunge.bootstrap.serving.clerk_process import place_of
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.datamap.artefact import DataKind
from expunge.core.export.export_words import Language
from expunge.core.export.wanted_export import WantedExport
from expunge.core.journal.export_events import ExportEnd
from expunge.core.values.ids import OrderId
from expunge.errors import ChallengeEnded, NotPermitted, OpeningNeeded, ProofRefused, Refused
from expunge.ports.accounts.account_register import AccountRecord
from expunge.ports.families.export_door import export_ask
from tests.moment import stored
from tests.web.serving import company
from tests.web.site.family_company import Guardian, enrich, family_site, guardian
from tests.web.site.handing_over import newest_account
from tests.web.site.http_person import HttpPerson, Shown
from tests.web.site.kit import SiteServed, section
from tests.web.site.test_openings import at_the_clerk

PART = re.compile(r'href="(/child/[0-9a-f]+/export/(exp-[a-z2-7]{20})/part-1\.zip)"')
END = re.compile(r'action="(/child/[0-9a-f]+/export/exp-[a-z2-7]{20}/end/)"')


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    with family_site(tmp_path_factory.mktemp("exporting")) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(served: SiteServed) -> None:
    served.sql("DELETE FROM expunge_counter")


def raw(person: HttpPerson, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One answer, as bytes, without going where it leads."""
    parts = urlsplit(person.site.origin)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    connection.request(method, path, headers={"User-Agent": person.agent, "Cookie": cookies, "X-Forwarded-For": person.address, **headers})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.headers), body


def ask_for(one: Guardian, *kinds: str, size: str = "2000000000") -> Shown:
    """Ask for a copy and confirm it; the page that follows."""
    page = one.go("export/")
    fields = [("csrfmiddlewaretoken", one.person.cookies.get("csrf", "")), ("size", size), *(("kinds", kind) for kind in kinds)]
    one.person.ask("POST", page, fields)
    one.confirm()
    assert one.person.last is not None
    return one.person.last


def ready(one: Guardian) -> str:
    """The address of the first part of the newest copy, once it is made."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        one.go("export/")
        assert one.person.last is not None
        found = PART.search(one.person.last.text)
        if found is not None and "It is being made." not in one.person.last.words:
            return found[1]
        time.sleep(0.05)
    raise AssertionError(one.person.last and one.person.last.words)


def whole(one: Guardian, part: str) -> bytes:
    """All of a part."""
    status, _, data = raw(one.person, part)
    assert status == 200
    return data


def open_up(one: Guardian, part: str) -> None:
    """Go to a download, and confirm at the keys: it begins then."""
    one.person.get(part)
    one.confirm()
    assert one.person.last is not None
    assert (one.person.last.status, one.person.last.path) == (200, part)


def copy(one: Guardian, *kinds: str) -> str:
    """The address of a part of a new copy, which the account may download now."""
    ask_for(one, *(kinds or ("voice recordings", "transcripts", "location points")))
    part = ready(one)
    open_up(one, part)
    return part


def test_a_parent_takes_a_copy_home(served: SiteServed) -> None:
    one = guardian(served, "copies@home.example", "p-mia")
    one.go("export/")
    assert one.person.last is not None
    assert "Downloading does not erase anything." in one.person.last.words
    assert "Voice recordings: 2" in one.person.last.words
    told = ask_for(one, "voice recordings", "transcripts")
    assert "The copy is being made." in told.words
    part = ready(one)
    assert "It holds: voice recordings, transcripts." in one.person.last.words
    letter = served.sink.about("copies@home.example", "Your copy is ready at Acme Doorbells", within=60)
    body = letter.get_body(("plain",))
    assert body is not None
    told_by_mail = body.get_content()
    assert served.origin in told_by_mail
    for secret in ("exp-", "p-mia", "Mia", "voice"):
        assert secret not in told_by_mail
    assert raw(one.person, part)[0] == 302, "an account that is not at the keys now gets nothing"
    open_up(one, part)
    data = whole(one, part)
    one.go("export/")
    assert hashlib.sha256(data).hexdigest() in one.person.last.words
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        sound = next(name for name in names if name.endswith("rec-m1-71835.wav"))
        assert archive.read(sound) == (served.folder / "world/media/voice/p-mia/rec-m1-71835.wav").read_bytes()
        assert not [name for name in names if "/whereabouts/" in name], "that kind was not asked for"
        assert "not chosen" in archive.read("index.html").decode()
    base = part.rpartition("/")[0]
    status, headers, sums = raw(one.person, f"{base}/check/SHA256SUMS")
    assert (status, sums.decode()) == (200, f"{hashlib.sha256(data).hexdigest()}  part-1.zip\n")
    assert headers["Content-Disposition"] == 'attachment; filename="SHA256SUMS"'
    assert raw(one.person, f"{base}/check/key")[0] == 302
    with Expunge.open(served.folder / "expunge.yaml") as opened:
        (state,) = opened.exports.states(opened.resolve("profile:p-mia"))
        assert sum(state.fetched.values()) == 2 * len(data), "each byte that was given out was entered"
    kept = [path for path in (served.folder / "state" / "exports").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"rec-m1-71835" in path.read_bytes()]


def test_a_copy_stands_among_the_requests_of_the_family(served: SiteServed) -> None:
    one = guardian(served, "copies-listed@home.example", "p-mia")
    ask_for(one, "transcripts")
    ready(one)
    one.go("requests/")
    assert one.person.last is not None
    assert "You asked for a copy. It can be fetched. It expires on" in one.person.last.words


def test_a_download_goes_on_where_it_stopped(served: SiteServed) -> None:
    one = guardian(served, "resumes@home.example", "p-tom")
    part = copy(one)
    status, headers, data = raw(one.person, part)
    assert (status, headers["Accept-Ranges"], headers["Content-Type"]) == (200, "bytes", "application/zip")
    assert headers["Content-Disposition"] == 'attachment; filename="part-1.zip"'
    assert headers["Cache-Control"] == "no-store"
    size, tag = len(data), headers["ETag"]
    third = size // 3
    ranges = [f"bytes=0-{third - 1}", f"bytes={third}-{2 * third - 1}", f"bytes={2 * third}-"]
    answers = [raw(one.person, part, Range=asked) for asked in ranges]
    assert [status for status, _, _ in answers] == [206] * 3
    assert answers[1][1]["Content-Range"] == f"bytes {third}-{2 * third - 1}/{size}"
    assert b"".join(body for _, _, body in answers) == data
    assert raw(one.person, part, Range="bytes=-10")[2] == data[-10:]
    assert raw(one.person, part, **{"Range": "bytes=0-9", "If-Range": tag})[2] == data[:10]
    assert raw(one.person, part, **{"Range": "bytes=0-9", "If-Range": '"other"'})[2] == data, (
        "a copy that changed is sent from its beginning"
    )
    status, headers, _ = raw(one.person, part, Range=f"bytes={size}-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{size}")
    assert raw(one.person, part, "HEAD")[1]["Content-Length"] == str(size)
    for _ in range(6):
        status, _, body = raw(one.person, part)
    assert (status, body) == (302, b""), "it was downloaded as often as it may be"


def test_nobody_else_gets_a_byte(served: SiteServed) -> None:
    one = guardian(served, "owner@home.example", "p-mia")
    part = copy(one, "profiles", "voice recordings", "records")
    export = part.split("/")[-2]
    other = guardian(served, "coparent@home.example", "p-mia")
    copy(other, "voice recordings")
    stranger = guardian(served, "stranger@home.example", "p-ada")
    for person in (other, stranger):
        slug = person.go().split("/")[2]
        status, _, body = raw(person.person, f"/child/{slug}/export/{export}/part-1.zip")
        assert (status, body) == (302, b""), "a copy of another account"
        status, _, body = raw(person.person, part)
        assert (status, body) == (302, b""), "a slug of another session"
        assert raw(person.person, f"/child/{slug}/export/{export}/check/SHA256SUMS")[0] == 302
        person.person.post(f"/child/{slug}/export/{export}/end/")
    nobody = HttpPerson(served)
    status, headers, body = raw(nobody, part)
    assert (status, body) == (302, b"")
    assert headers["Location"].startswith("/account/login/")
    assert raw(one.person, part)[0] == 200, "and nobody else ended it"
    one.person.post(f"/child/{one.go().split('/')[2]}/lock/")
    assert raw(one.person, part)[0] == 302, "the account closed its recordings"


def test_a_copy_that_was_being_made_when_the_clerk_was_killed_is_made_by_the_next_one(served: SiteServed) -> None:
    one = guardian(served, "killed@home.example", "p-mia")
    account, wanted = newest_account(served), WantedExport(frozenset({DataKind.VOICE}))
    told = Connections(place_of(served.folder / "expunge.yaml")).ask(Status()).value
    assert isinstance(told, dict)
    with Expunge.open(served.folder / "expunge.yaml") as opened:
        person = opened.resolve("profile:p-mia")
        # As the clerk leaves it that is killed right after it was entered: one that still lives would make it at its next sweep.
        os.kill(int(str(told["pid"])), signal.SIGKILL)
        export = opened.exports.begin(person, wanted, str(account))
        assert opened.exports.states(person)[-1].tries == 1
    part = ready(one)
    assert export in part
    open_up(one, part)
    with zipfile.ZipFile(io.BytesIO(whole(one, part))) as archive:
        assert archive.testzip() is None
    assert served.sink.about("killed@home.example", "Your copy is ready at Acme Doorbells", within=60)


def test_the_clerk_believes_the_pages_nothing(served: SiteServed) -> None:
    """Code that has taken over the web process names accounts and families as it likes."""
    one = guardian(served, "doors@home.example", "p-mia")
    part = copy(one, "voice recordings")
    export = OrderId(part.split("/")[-2])
    with Expunge.open(served.folder / "expunge.yaml") as opened:
        family = opened.resolve("profile:p-mia").person.subject
        elsewhere = opened.resolve("profile:p-ada").person.subject
        (account,) = {UUID(state.account) for state in opened.exports.states_of(family) if state.export == export}
    doors = doors_at(place_of(served.folder / "expunge.yaml")).exports
    session, wanted = bytes(32), WantedExport()
    with pytest.raises(NotPermitted):
        doors.offered(account, elsewhere)
    with pytest.raises((ProofRefused, ChallengeEnded, NotPermitted)):
        doors.begin("0" * 64, session, account, family, wanted)
    with pytest.raises(OpeningNeeded):
        doors.fetch(account, family, session, export, 1, 0, 10)
    with pytest.raises(Refused):
        doors.read(account, family, session, "0" * 32, 0)
    with pytest.raises(NotPermitted):
        doors.cancel(uuid4(), family, export)
    with pytest.raises(NotPermitted):
        doors.exports(uuid4(), family)


def test_a_wish_that_was_changed_is_not_the_one_that_was_confirmed(served: SiteServed) -> None:
    asked = WantedExport(frozenset({DataKind.VOICE}))
    others = (WantedExport(), WantedExport(asked.kinds, asked.part_size + 1), WantedExport(asked.kinds, language=Language.SPANISH))
    account = uuid4()
    assert len({export_ask(account, "ab" * 16, wanted).digest for wanted in (asked, *others)}) == 4
    assert served


def test_an_order_to_erase_ends_the_copy_and_the_page_says_so(served: SiteServed) -> None:
    one = guardian(served, "erases@home.example", "p-tom")
    part = copy(one)
    with Expunge.open(served.folder / "expunge.yaml") as opened:
        order = opened.order_erase([opened.resolve("profile:p-tom")]).order
    assert raw(one.person, part)[0] == 302
    one.go("export/")
    assert one.person.last is not None
    assert "The data in it is being erased, so this copy was erased first." in one.person.last.words
    assert "Download part" not in one.person.last.words
    with Expunge.open(served.folder / "expunge.yaml") as opened:
        assert {state.ended for state in opened.exports.states(opened.resolve("profile:p-tom"))} >= {ExportEnd.ERASED}
        opened.order_cancel(order)


def test_a_copy_is_deleted_by_its_account(served: SiteServed) -> None:
    one = guardian(served, "deletes@home.example", "p-ada")
    part = copy(one)
    one.go("export/")
    assert one.person.last is not None
    found = END.search(one.person.last.text)
    assert found is not None
    told = one.person.post(found[1])
    assert "The copy is erased. The data itself is still held." in told.words
    assert "You ended it. It is erased." in told.words
    assert raw(one.person, part)[0] == 302


def test_nothing_is_copied_while_guardians_are_in_dispute(served: SiteServed) -> None:
    one = guardian(served, "dispute@home.example", "p-ada")
    part = copy(one)
    with Expunge.open(served.folder / "expunge.yaml") as opened:
        opened.consents.freeze(opened.resolve("profile:p-ada"), by="priya", reason="two court papers")
    try:
        one.go("export/")
        assert one.person.last is not None
        assert "Guardians are in dispute. Until that is settled, no copy is made." in one.person.last.words
        status, _, body = raw(one.person, part)
        assert (status, body) == (302, b"")
    finally:
        with Expunge.open(served.folder / "expunge.yaml") as opened:
            opened.consents.release(opened.resolve("profile:p-ada"), by="priya", reason="settled")
    assert raw(one.person, part)[0] == 200


def test_a_malformed_wish_is_answered_in_words(served: SiteServed) -> None:
    one = guardian(served, "malformed@home.example", "p-mia")
    page = one.go("export/")
    for fields in (
        {},
        {"kinds": "everything", "size": "2000000000"},
        {"kinds": "profiles", "size": "1"},
        {"kinds": "profiles", "size": "x"},
    ):
        assert "Choose at least one kind of data, and a size." in one.person.post(page, **fields).words
    assert raw(one.person, f"{page}exp-{'a' * 20}/part-1.zip")[0] == 302
    assert raw(one.person, f"{page}..%2f..%2fkeys/part-1.zip")[0] == 404
    assert raw(one.person, f"{page}exp-{'a' * 20}/check/..%2fkey")[0] in {302, 404}


def test_a_recovery_ends_a_download_that_goes_on(served: SiteServed) -> None:
    with at_the_clerk(served, "recovers@home.example", "p-mia") as clerk:
        exports, who = clerk.doors.exports, (clerk.account, clerk.family, clerk.session)
        wanted = WantedExport(frozenset({DataKind.VOICE}))
        permit = clerk.permit(export_ask(clerk.account, clerk.family, wanted))
        export = exports.begin(permit, clerk.session, clerk.account, clerk.family, wanted)
        for _ in range(200):
            if exports.exports(clerk.account, clerk.family)[0].parts:
                break
            time.sleep(0.05)
        clerk.doors.families.open(clerk.permit(clerk.ask), clerk.session, clerk.ask)
        ticket = exports.fetch(*who, export, 1, 0, 10)
        assert len(exports.read(*who, ticket, 0)) == 10
        served.kept(
            "INSERT INTO expunge_account_recovery (account_id, begun_at, ready_at, lapses_at, stop, secret, letters) "
            f"VALUES (?, '{stored()}', '{stored(days=3)}', '{stored(days=10)}', zeroblob(32), zeroblob(0), 1)",
            clerk.account.hex,
        )
        with pytest.raises(NotPermitted, match="recovery"):
            exports.read(*who, ticket, 0)
        with pytest.raises(NotPermitted, match="recovery"):
            exports.fetch(*who, export, 1, 0, 10)
        exports.cancel(clerk.account, clerk.family, export)


def test_a_ticket_that_is_used_all_the_time_ends_within_the_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code in the web process could else read on for as long as the copy waits, without the person at the keys."""
    now = 1000.0
    monkeypatch.setattr("expunge.bootstrap.clerk.rounds.exporter.time.monotonic", lambda: now)
    tickets, account, session = exporter.Exporter(KeptHousehold(Path("no map")).used), uuid4(), bytes(32)
    ticket = exporter.Ticket(account, "f", session, OrderId("exp-a"), 1, 10, b"", now, 0, now)
    secret = tickets.admit(ticket)
    while now < 1000 + 3600 - 200:
        now += 200
        tickets.ticket(secret, account, "f", session)
    now += 200
    with pytest.raises(Refused, match="ended"):
        tickets.ticket(secret, account, "f", session)


def test_a_letter_that_cannot_be_written_ends_no_copy(tmp_path: Path) -> None:
    """The keeper, which alone can read the address, is away when the copy is ready."""
    company(tmp_path)
    enrich(tmp_path)
    path, wanted = tmp_path / "expunge.yaml", WantedExport(frozenset({DataKind.VOICE}), 2 * 10**9)
    path.write_text(path.read_text() + section("http://localhost:8000", 2525))
    kept, account = KeptHousehold(path), UUID(int=1)
    with kept.used() as household:
        person, now = household.expunge.resolve("profile:p-mia"), clock.now()
        household.register.open_account(AccountRecord(account, b"sealed", "en", now))
        household.register.set_membership(Membership(account, person.person.subject, MembershipRole.GUARDIAN, now))
        export = household.expunge.exports.begin(person, wanted, str(account))
    making = exporter.Exporter(kept.used)
    making.start()
    try:
        with kept.used() as household:
            until = time.monotonic() + 30
            while making.progress(export) is not None or not household.expunge.exports.states(person)[0].until:
                assert time.monotonic() < until
                time.sleep(0.05)
            (state,) = household.expunge.exports.states(person)
    finally:
        making.stop()
        kept.close()
    assert (state.ended, bool(state.parts), state.told) == (None, True, False)
