"""Who steals the accounts' database learns no address, seed, code or session of a person."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from expunge.servers.postgres import PostgresServer
from tests.moment import stored
from tests.web.site.http_person import FIREFOX, PASSWORD, HttpPerson, code_of, recovery_codes_of
from tests.web.site.kit import CODE, SiteServed, site

NETWORK = b"10.0."
"""The beginning of the networks that people of these tests come from: it is kept, and the rest is not."""
ADDRESSES = (
    "Marta.Quintero@kindergarten-example.org",
    "second.marta@kindergarten-example.org",
    "brother@kindergarten-example.org",
    "sister@kindergarten-example.org",
)
PASSKEY = "Marta's green telephone"


def forms(text: str) -> set[bytes]:
    """A text as it could stand in a file: as it is, in other cases, in other writings."""
    found: set[bytes] = set()
    for each in {text, text.lower(), text.upper()}:
        raw = each.encode()
        found |= {raw, raw.hex().encode(), raw.hex().upper().encode(), quote(each, safe="").encode(), each.encode("utf-16-le")}
        for shift in range(3):
            # Without what the neighbours of the text decide.
            whole = base64.b64encode(bytes(shift) + raw).decode().rstrip("=")
            middle = whole[-(-8 * shift // 6) + (1 if shift else 0) : -1]
            found |= {middle.encode(), middle.replace("+", "-").replace("/", "_").encode()}
    return {each for each in found if len(each) >= 6}


def live(served: SiteServed) -> list[str]:
    """Go through every journey; returns what must not be found."""
    one, two, three, four = ADDRESSES
    secrets: list[str] = [*ADDRESSES, FIREFOX, "127.0.0.1", PASSWORD]
    marta = HttpPerson(served)
    marta.sign_up(one)
    seed = marta.enrol_app()
    assert marta.last is not None
    codes = recovery_codes_of(marta.last)
    secrets += [seed, base64.b32decode(seed).hex(), *codes, PASSKEY]
    marta.get("/account/email/")
    marta.send("action_add", email=two, action_add="")
    marta.confirm(code=code_of(seed, 1))
    marta.send("code", code=served.sink.code(two))
    marta.log_out()
    marta.log_in(two)
    marta.send("code", code=codes[0])
    assert marta.inside
    # A passkey with a name of its own, of a person who has that alone.
    sister = HttpPerson(served)
    sister.sign_up(four)
    sister.enrol_passkey(sister.authenticator(), PASSKEY)
    assert PASSKEY in sister.get("/account/2fa/webauthn/").words
    # Things that are under way: a sign-up, a login, a reset, a recovery.
    brother = HttpPerson(served)
    brother.get("/account/signup/")
    brother.send("password1", email=three, password1=PASSWORD)
    thief = HttpPerson(served)
    thief.log_in(two)
    reset = HttpPerson(served)
    mails = served.sink.count(two)
    reset.get("/account/password/reset/")
    reset.send("email", email=two)
    served.sink.code(two, mails + 1)
    lost = HttpPerson(served)
    lost.get("/account/recovery/")
    lost.send("email", email=two)
    lost.send("code", code=served.sink.kept_code(two))
    assert lost.last is not None
    assert lost.last.path == "/account/recovery/waiting/"
    for each in (marta, brother, thief, reset, lost, sister):
        secrets += [each.cookies[name] for name in ("session", "device") if name in each.cookies]
        secrets += [each.cookies[name].partition(":")[0] for name in ("device",) if name in each.cookies]
    for _, message in served.sink.mails:
        body = message.get_body(("plain",))
        assert body is not None
        text = body.get_content()
        secrets += CODE.findall(text) + re.findall(r"/account/recovery/stop/([\w-]+)/", text)
    assert len([each for each in secrets if "/" not in each]) > 20
    return secrets


def search(haystack: bytes, secrets: list[str]) -> list[str]:
    return [f"secret {number}" for number, each in enumerate(secrets) if any(form in haystack for form in forms(each))]


def test_a_search_would_find_what_lay_in_the_clear() -> None:
    address = ADDRESSES[0]
    for shift in range(3):
        assert search(b"..." + base64.b64encode(bytes(range(65, 65 + shift)) + address.encode() + b"tail"), [address]), shift
    assert search(address.lower().encode().hex().encode(), [address])
    assert search(quote(address, safe="").encode(), [address])
    assert not search(b"nothing of the kind", [address])


def test_sqlite_tells_nothing(served_site: SiteServed) -> None:
    secrets = live(served_site)
    files = sorted(served_site.database.parent.iterdir())
    assert served_site.database.with_name("accounts.db-wal") in files
    haystack = b"".join(each.read_bytes() for each in files)
    # What must be there, is: the search looks at the right bytes.
    assert NETWORK in haystack
    assert b"Linux Firefox/" in haystack
    assert b"expunge_known_device" in haystack
    assert search(haystack, secrets) == []
    # No seed at all, sealed or not, and one word for every passkey.
    assert served_site.sql("SELECT DISTINCT data FROM mfa_authenticator WHERE type = 'totp'") == [("{}",)]
    assert {json.loads(data)["name"] for (data,) in served_site.sql("SELECT data FROM mfa_authenticator WHERE type = 'webauthn'")} == {
        "passkey"
    }


@pytest.mark.soak
def test_a_dump_of_postgresql_tells_nothing(tmp_path: Path, postgres_server: PostgresServer) -> None:
    name = "stolen_accounts"
    url = postgres_server.database(name)
    try:
        with site(tmp_path, database=url) as served:
            secrets = live(served)
            dumped = subprocess.run([str(postgres_server.bin / "pg_dump"), "--inserts", "-d", url], capture_output=True, check=True).stdout
    finally:
        postgres_server.drop(name)
    assert NETWORK in dumped
    assert b"expunge_known_device" in dumped
    assert search(dumped, secrets) == []


def test_an_account_that_is_closed_leaves_nothing(served_site: SiteServed) -> None:
    address = "gone@kindergarten-example.org"
    person = HttpPerson(served_site)
    person.sign_up(address)
    seed = person.enrol_app()
    assert person.last is not None
    first, *_ = recovery_codes_of(person.last)
    person.log_out()
    person.log_in(address)
    person.send("code", code=first)
    ((account, sealed),) = served_site.sql("SELECT user_id, email FROM account_emailaddress ORDER BY id DESC LIMIT 1")
    digests = [row[0] for row in served_site.sql("SELECT digest FROM expunge_session")]
    person.get("/account/close/")
    person.send("csrfmiddlewaretoken")
    assert "Your account is closed" in person.confirm(code=code_of(seed, 1)).words
    for table in [row[0] for row in served_site.sql("SELECT name FROM sqlite_master WHERE type = 'table'")]:
        told = repr(served_site.sql(f'SELECT * FROM "{table}"'))
        assert account not in told, table
        assert sealed not in told, table
    kept = {row[0] for row in served_site.sql("SELECT digest FROM expunge_session")}
    assert len(kept & set(digests)) < len(digests)
    assert served_site.sql(f"SELECT count(*) FROM expunge_counter WHERE ends > '{stored(days=1)}'") == [(0,)]
    # Neither in free pages nor in the log of writes.
    for file in served_site.database.parent.iterdir():
        haystack = file.read_bytes()
        assert sealed.encode() not in haystack, file.name
        assert account.encode() not in haystack, file.name
