"""The section ``accounts``: what it may say, what a reviewer is shown, and what ``check`` tells of the machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from expunge import survey
from expunge.core.accounts.accounts_spec import (
    LEAST_PASSWORD_MEMORY,
    PASSWORD_MEMORY,
    AccountsSpec,
    CompanySpec,
    HandOverSpec,
    MailSpec,
    PostedNotice,
    ProviderAudience,
    ProviderSpec,
)
from expunge.core.accounts.app_spec import AppSpec, WebhookSpec
from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.mapdiff import digest, map_diff
from expunge.core.values.copy import FindingKind
from expunge.maps import examine, read_map
from expunge.stores import Kinds
from tests.core.maps import voice_company

MAP = "version: 1\nstores: {}\ndatasets: {}\n"
ORIGIN = "origin: https://privacy.example.com"


HOME = "{id: home, name: Example Home, issuer: 'https://id.example.com', client_id: expunge, for: customers}"
ED25519 = "MCowBQYDK2VwAyEAiojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w="
P256 = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjlM7b6C/e0YluzBmfAH7YH75+LioD+9bMAYocDGHsqNz6x294DMYNm0Gn4Om9ZAAU8c2M8sEGyHFXhqGwfQAtA=="
SMALL_ORDER = "MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
"""The key of a point under which anybody can sign."""


def written(folder: Path, accounts: str) -> Path:
    path = folder / "expunge.yaml"
    path.write_text(f"{MAP}accounts: {{{accounts}}}\n")
    return path


def test_a_section_is_read_with_what_it_does_not_say(tmp_path: Path) -> None:
    spec = read_map(written(tmp_path, "origin: 'https://Privacy.example.com/'"), {}, kinds=Kinds()).accounts
    assert spec == AccountsSpec("https://privacy.example.com")
    assert spec.host == "privacy.example.com"
    assert spec.secure
    mail = "mail: {server: 'smtp+starttls://a%40b@mail.example.com', sender: p@example.com, secret_file: ./secret}"
    spec = read_map(written(tmp_path, f"{ORIGIN}, {mail}, networks: 10.0.0.0/8"), {}, kinds=Kinds()).accounts
    assert spec is not None
    assert spec.networks == ("10.0.0.0/8",)
    assert spec.mail is not None
    assert (spec.mail.host, spec.mail.port, spec.mail.user) == ("mail.example.com", 587, "a@b")
    assert spec.mail.secret_file == str(tmp_path / "secret")
    assert spec.password_memory == PASSWORD_MEMORY
    spec = read_map(written(tmp_path, f"{ORIGIN}, password_memory: 19 MiB"), {}, kinds=Kinds()).accounts
    assert spec is not None
    assert spec.password_memory == LEAST_PASSWORD_MEMORY


def test_the_company_is_named_once_for_receipts_and_pages(tmp_path: Path) -> None:
    path = written(tmp_path, ORIGIN)
    path.write_text(path.read_text() + "company: {name: Acme Doorbells, contact: help@acme.example, complaints: the commission}\n")
    data_map = read_map(path, {}, kinds=Kinds())
    assert data_map.company == CompanySpec("Acme Doorbells", "help@acme.example", "the commission")
    assert data_map.accounts is not None
    assert (data_map.accounts.company, data_map.accounts.support) == ("Acme Doorbells", "help@acme.example")
    path.write_text(f"{MAP}company: {{contact: help@acme.example}}\n")
    assert [each.rule for each in examine(path, {}, kinds=Kinds()).faults] == ["missing-key"]
    for name in ("a" * 301, "Acme\\u202e", "Acme\\nDoorbells"):
        path.write_text(f'{MAP}company: {{name: "{name}"}}\n')
        assert [each.rule for each in examine(path, {}, kinds=Kinds()).faults] == ["bad-accounts"], name


def test_providers_are_read_in_their_order(tmp_path: Path) -> None:
    work = (
        "{id: work, name: Acme, issuer: 'http://127.0.0.1:8000/x', client_id: e, for: staff, secret_file: ./s, alias: preferred_username}"
    )
    spec = read_map(written(tmp_path, f"{ORIGIN}, providers: [{HOME}, {work}]"), {}, kinds=Kinds()).accounts
    assert spec is not None
    home = ProviderSpec("home", "Example Home", "https://id.example.com", "expunge", ProviderAudience.CUSTOMERS)
    staff = ProviderSpec(
        "work", "Acme", "http://127.0.0.1:8000/x", "e", ProviderAudience.STAFF, str(tmp_path / "s"), alias="preferred_username"
    )
    assert spec.providers == (home, staff)
    assert (home.public, home.port, staff.public, staff.port) == (True, 443, False, 8000)
    assert spec.providers_for(ProviderAudience.STAFF) == (staff,)


def test_a_provider_that_says_too_little_is_a_fault(tmp_path: Path) -> None:
    faults = examine(written(tmp_path, f"{ORIGIN}, providers: [{{id: home}}]"), {}, kinds=Kinds()).faults
    assert [each.rule for each in faults] == ["missing-key"] * 4
    faults = examine(written(tmp_path, f"{ORIGIN}, providers: {HOME}"), {}, kinds=Kinds()).faults
    assert [each.rule for each in faults] == ["wrong-type"]


HANDOVER = HandOverSpec("https://app.example.com", (("app-1", ED25519),))


def test_keys_of_hand_over_tokens_are_read(tmp_path: Path) -> None:
    keys = f"{{app-1: {ED25519}, app-2: {P256}}}"
    spec = read_map(
        written(tmp_path, f"{ORIGIN}, handover: {{issuer: 'https://app.example.com', keys: {keys}}}"), {}, kinds=Kinds()
    ).accounts
    assert spec is not None
    assert spec.handover == replace(HANDOVER, keys=(*HANDOVER.keys, ("app-2", P256)))
    assert spec.handover.address_required
    text = f"{ORIGIN}, handover: {{issuer: 'https://app.example.com', keys: {keys}, address: optional}}"
    spec = read_map(written(tmp_path, text), {}, kinds=Kinds()).accounts
    assert spec is not None
    assert spec.handover is not None
    assert not spec.handover.address_required


POSTED = 'id: order, file: notices/order.txt, from: "2026-12-01", until: "2027-06-01"'
NOTICE = PostedNotice("order", "/srv/order.txt", date(2026, 12, 1), date(2027, 6, 1))


def test_the_companys_app_is_read_with_what_it_does_not_say(tmp_path: Path) -> None:
    keys = f"handover: {{issuer: 'https://app.example.com', keys: {{app-1: {ED25519}}}}}"
    spec = read_map(written(tmp_path, f"{ORIGIN}, {keys}, app: {{}}"), {}, kinds=Kinds()).accounts
    assert spec is not None
    assert spec.app == AppSpec(timedelta(minutes=10), timedelta(minutes=15), ("read", "stop", "delete", "receipts"))
    hooks = "webhooks: {app: {url: 'https://app.example.com/hooks', secret_file: ./hook.secret}}"
    text = f"{ORIGIN}, {keys}, app: {{token_for: 5 minutes, fresh_login: 1 hours, acts: [delete, read], {hooks}}}"
    spec = read_map(written(tmp_path, text), {}, kinds=Kinds()).accounts
    assert spec is not None
    hook = WebhookSpec("app", "https://app.example.com/hooks", str(tmp_path / "hook.secret"))
    assert spec.app == AppSpec(timedelta(minutes=5), timedelta(hours=1), ("read", "delete"), (hook,))


@pytest.mark.parametrize(
    ("app", "rules"),
    [
        ("{token_for: 2 hours}", ["bad-span"]),
        ("{token_for: 0 minutes}", ["bad-span"]),
        ("{fresh_login: 13 hours}", ["bad-span"]),
        ("{acts: [read, export]}", ["bad-accounts"]),
        ("{webhooks: {app: {url: 'http://app.example.com', secret_file: x}}}", ["bad-accounts"]),
        ("{webhooks: {app: {url: 'https://app.example.com'}}}", ["missing-key"]),
        ("{webhooks: {aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb: {url: 'https://app.example.com', secret_file: x}}}", ["bad-accounts"]),
        ("{scopes: [read]}", ["unknown-key"]),
    ],
    ids=["long", "none", "old", "no such act", "in the clear", "no secret", "a name", "a word"],
)
def test_an_app_that_cannot_be_meant_is_a_fault(tmp_path: Path, app: str, rules: list[str]) -> None:
    keys = f"handover: {{issuer: 'https://app.example.com', keys: {{app-1: {ED25519}}}}}"
    assert [each.rule for each in examine(written(tmp_path, f"{ORIGIN}, {keys}, app: {app}"), {}, kinds=Kinds()).faults] == rules


def test_an_app_without_the_companys_keys_is_a_fault(tmp_path: Path) -> None:
    assert [each.rule for each in examine(written(tmp_path, f"{ORIGIN}, app: {{}}"), {}, kinds=Kinds()).faults] == ["bad-accounts"]


@pytest.mark.parametrize(
    ("before", "after", "weaker"),
    [
        (None, AppSpec(), ("the company's app may do more for its customers",)),
        (AppSpec(acts=("read",)), AppSpec(), ("the company's app may do more for its customers",)),
        (AppSpec(), AppSpec(fresh_login=timedelta(hours=1)), ("the company's app may order deletions after an older login",)),
        (AppSpec(), AppSpec(token_for=timedelta(hours=1)), ("an access token of the company's app counts for longer",)),
        (AppSpec(), None, ()),
        (AppSpec(), AppSpec(acts=("read",)), ()),
    ],
    ids=["an app", "more acts", "older logins", "longer tokens", "no app", "fewer acts"],
)
def test_a_reviewer_sees_that_an_app_may_do_more(before: AppSpec | None, after: AppSpec | None, weaker: tuple[str, ...]) -> None:
    maps = [replace(voice_company(), accounts=AccountsSpec("https://privacy.example.com", app=each)) for each in (before, after)]
    assert tuple(reason for change in map_diff(*maps) for reason in change.weaker) == weaker


def test_a_notice_is_read_with_its_days(tmp_path: Path) -> None:
    spec = read_map(written(tmp_path, f"{ORIGIN}, posted: [{{{POSTED}, language: es}}]"), {}, kinds=Kinds()).accounts
    assert spec is not None
    assert spec.posted == (replace(NOTICE, file=str(tmp_path / "notices" / "order.txt"), language="es"),)
    days = [date(2026, 11, 30), date(2026, 12, 1), date(2027, 5, 31), date(2027, 6, 1)]
    assert [spec.posted[0].due(day) for day in days] == [False, True, True, False]


@pytest.mark.parametrize(
    ("posted", "rule"),
    [
        (f"{{{POSTED}}}", "wrong-type"),
        (f"[{{{POSTED}}}, {{{POSTED}}}]", "bad-accounts"),
        ("[{id: order, file: order.txt, from: '2026-12-01', until: '2026-12-01'}]", "bad-accounts"),
        ("[{id: Order, file: order.txt, from: '2026-12-01', until: '2027-06-01'}]", "bad-accounts"),
        ("[{id: order, file: order.txt, from: December, until: '2027-06-01'}]", "bad-date"),
        ("[{id: order, file: order.txt, from: '2026-12-01'}]", "missing-key"),
        (f"[{{{POSTED}, language: Spanish please}}]", "bad-accounts"),
    ],
)
def test_a_notice_that_cannot_be_shown_for_its_time_is_a_fault(tmp_path: Path, posted: str, rule: str) -> None:
    faults = examine(written(tmp_path, f"{ORIGIN}, posted: {posted}"), {}, kinds=Kinds()).faults
    assert [each.rule for each in faults] == [rule]


@pytest.mark.parametrize(("server", "port"), [("smtps://m", 465), ("smtp+starttls://m", 587), ("smtp://m", 25), ("smtp://m:2525", 2525)])
def test_each_scheme_has_its_port(server: str, port: int) -> None:
    assert MailSpec(server, "a@b").port == port


@pytest.mark.parametrize(
    "accounts",
    [
        "origin: http://privacy.example.com",
        "origin: 'https://privacy.example.com/path'",
        "origin: 'https://user@privacy.example.com'",
        f"{ORIGIN}, database: mysql://x/y",
        f"{ORIGIN}, database: 'postgresql://u:s3cret@db/accounts'",
        f"{ORIGIN}, networks: [office]",
        f"{ORIGIN}, handover: {{issuer: 'https://app.example.com', keys: {{app-1: c2VjcmV0}}}}",
        f"{ORIGIN}, handover: {{issuer: 'https://app.example.com', keys: {{app-1: {ED25519[:-4]}}}}}",
        f"{ORIGIN}, handover: {{issuer: 'https://app.example.com', keys: {{app-1: '{SMALL_ORDER}'}}}}",
        f"{ORIGIN}, handover: {{issuer: 'https://app.example.com', keys: {{}}}}",
        f"{ORIGIN}, handover: {{issuer: 'my app', keys: {{app-1: {ED25519}}}}}",
        f"{ORIGIN}, handover: {{issuer: 'https://app.example.com', keys: {{app-1: {ED25519}}}, address: never}}",
        f"{ORIGIN}, networks: [10.0.0.1/8]",
        f"{ORIGIN}, password_memory: 18 MiB",
        f"{ORIGIN}, password_memory: 2 GiB",
        f"{ORIGIN}, password_memory: much",
        f"{ORIGIN}, playback: nothing of that name",
        f"{ORIGIN}, mail: {{server: 'smtps://u:s3cret@mail.example.com', sender: a@b.example}}",
        f"{ORIGIN}, mail: {{server: 'smtps://u@mail.example.com', sender: a@b.example}}",
        f"{ORIGIN}, mail: {{server: 'smtps://mail.example.com', sender: a@b.example, secret_file: ./x}}",
        f"{ORIGIN}, mail: {{server: 'smtps://u@mail.example.com', sender: a@b.example, secret_file: ./x, secret_variable: X}}",
        f"{ORIGIN}, mail: {{server: 'smtps://u@mail.example.com', sender: a@b.example, secret_variable: '${{X}}'}}",
        f"{ORIGIN}, mail: {{server: 'imap://mail.example.com', sender: a@b.example}}",
        f"{ORIGIN}, mail: {{server: 'smtp://mail.example.com', sender: nobody}}",
        f"{ORIGIN}, providers: [{HOME.replace('id: home', 'id: My Home')}]",
        f"{ORIGIN}, providers: [{HOME.replace('Example Home', 'x' * 41)}]",
        f"{ORIGIN}, providers: [{HOME.replace('https://id', 'http://id')}]",
        f"{ORIGIN}, providers: [{HOME.replace('https://id', 'https://u:s3cret@id')}]",
        f"{ORIGIN}, providers: [{HOME.replace('example.com', 'example.com/?realm=1')}]",
        f"{ORIGIN}, providers: [{HOME.replace('example.com', 'example.com/.well-known/openid-configuration')}]",
        f"{ORIGIN}, providers: [{HOME.replace('for: customers', 'for: everybody')}]",
        f"{ORIGIN}, providers: [{HOME.replace('}', ', alias: two words}')}]",
        f"{ORIGIN}, providers: [{HOME.replace('}', ', secret_file: ./x, secret_variable: X}')}]",
        f"{ORIGIN}, providers: [{HOME.replace('}', ', secret_variable: $X}')}]",
        f"{ORIGIN}, providers: [{HOME}, {HOME.replace('https://id', 'https://other')}]",
        f"{ORIGIN}, providers: [{HOME}, {HOME.replace('id: home', 'id: house')}]",
    ],
    ids=range(36),
)
def test_what_cannot_be_meant_is_a_fault(tmp_path: Path, accounts: str) -> None:
    faults = examine(written(tmp_path, accounts), {}, kinds=Kinds()).faults
    assert {each.rule for each in faults} == {"bad-accounts"}
    assert all(each.line == 4 for each in faults)
    assert "s3cret" not in "".join(map(str, faults))


SAFE = AccountsSpec(
    "https://localhost", networks=("10.0.0.0/8", "2001:db8::/32"), mail=MailSpec("smtps://mail.example.com", "privacy@example.com")
)


PROVIDER = ProviderSpec("home", "Example Home", "https://id.example.com", "expunge", ProviderAudience.CUSTOMERS)


def mapped(spec: AccountsSpec) -> DataMap:
    return replace(voice_company(), accounts=spec)


@pytest.mark.parametrize(
    ("after", "weaker"),
    [
        (replace(SAFE, networks=("10.1.0.0/16",)), ()),
        (replace(SAFE, networks=("10.0.0.0/7",)), ("staff may log in from more networks",)),
        (replace(SAFE, networks=(*SAFE.networks, "192.0.2.0/24")), ("staff may log in from more networks",)),
        (replace(SAFE, networks=()), ("staff may log in from more networks",)),
        (replace(SAFE, origin="http://localhost"), ("people log in without TLS",)),
        (
            replace(SAFE, mail=MailSpec("smtp://mail.example.com", "privacy@example.com")),
            ("mail, with codes in it, goes to its server without TLS",),
        ),
        (replace(SAFE, company="Acme"), ()),
        (replace(SAFE, password_memory=2 * PASSWORD_MEMORY), ()),
        (replace(SAFE, password_memory=LEAST_PASSWORD_MEMORY), ("a guess at a stolen hash of a password costs less",)),
        (replace(SAFE, playback="look at recordings"), ()),
        (replace(SAFE, providers=(PROVIDER,)), ("customers may log in by a further provider",)),
        (replace(SAFE, handover=HANDOVER), ("one more key says who is guardian of whom",)),
        (replace(SAFE, posted=(NOTICE,)), ()),
        (
            replace(SAFE, handover=replace(HANDOVER, address_required=False)),
            ("one more key says who is guardian of whom", "a hand-over token counts without the mail address of its person"),
        ),
    ],
    ids=[
        "fewer networks",
        "a wider network",
        "one network more",
        "no networks",
        "no TLS",
        "mail in the clear",
        "another name",
        "more memory",
        "less memory",
        "a purpose of playback",
        "a provider",
        "a key",
        "a notice",
        "no address",
    ],
)
def test_a_reviewer_sees_what_protects_less(after: AccountsSpec, weaker: tuple[str, ...]) -> None:
    (change,) = map_diff(mapped(SAFE), mapped(after))
    assert change.weaker == weaker
    assert digest(mapped(SAFE)) == digest(mapped(after)), "orders that wait are not planned anew"


@pytest.mark.parametrize(
    "after", [(), (replace(NOTICE, until=date(2027, 5, 1)),), (replace(NOTICE, since=date(2027, 1, 1)),)], ids=["none", "ends", "begins"]
)
def test_a_reviewer_sees_that_a_notice_is_shown_for_a_shorter_time(after: tuple[PostedNotice, ...]) -> None:
    (change,) = map_diff(mapped(replace(SAFE, posted=(NOTICE,))), mapped(replace(SAFE, posted=after)))
    assert change.weaker == ("the notice of an order is shown for a shorter time",)


def told(path: Path) -> dict[str, FindingKind]:
    checked = survey.check(path)
    assert not checked.faults
    return {each.what: each.kind for each in checked.findings if each.store == "accounts"}


def test_check_tells_of_a_map_without_mail(tmp_path: Path) -> None:
    ((what, kind),) = told(written(tmp_path, ORIGIN)).items()
    assert "people can neither sign up nor recover an account" in what
    assert kind is FindingKind.NOTE


def test_check_tells_of_a_database_in_the_state(tmp_path: Path) -> None:
    mail = "mail: {server: 'smtp://localhost', sender: a@b.example}"
    ((what, kind),) = told(written(tmp_path, f"{ORIGIN}, database: 'sqlite:///.expunge/accounts.db', {mail}")).items()
    assert "lies in the state folder" in what
    assert kind is FindingKind.UNSUPPORTED


def test_check_tells_of_a_database_that_is_the_states(tmp_path: Path) -> None:
    mail = "mail: {server: 'smtp://localhost', sender: a@b.example}"
    path = written(tmp_path, f"{ORIGIN}, database: 'postgresql://web@db.example/expunge', {mail}")
    path.write_text(f"{path.read_text()}state: postgresql://expunge@DB.example:5432/expunge\n")
    ((what, kind),) = told(path).items()
    assert "is the state's" in what
    assert kind is FindingKind.UNSUPPORTED


def test_check_reads_the_password_as_the_server_will(tmp_path: Path) -> None:
    mail = "mail: {server: 'smtps://u@mail.example.com', sender: a@b.example, secret_file: ./password}"
    path = written(tmp_path, f"{ORIGIN}, {mail}")
    ((what, kind),) = told(path).items()
    assert "cannot be read" in what
    assert kind is FindingKind.NOTE
    secret = tmp_path / "password"
    secret.write_text("hunter2\n")
    secret.chmod(0o644)
    ((what, kind),) = told(path).items()
    assert "everybody can read the password" in what
    assert kind is FindingKind.PERMISSION
    assert "hunter2" not in what
    secret.chmod(0o600)
    assert not told(path)


def test_check_reads_the_secret_of_a_provider(tmp_path: Path) -> None:
    mail = "mail: {server: 'smtp://localhost', sender: a@b.example}"
    path = written(tmp_path, f"{ORIGIN}, {mail}, providers: [{HOME.replace('}', ', secret_file: ./secret}')}]")
    ((what, kind),) = told(path).items()
    assert "the secret cannot be read" in what
    assert kind is FindingKind.NOTE
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o604)
    ((what, kind),) = told(path).items()
    assert "everybody can read the secret" in what
    assert kind is FindingKind.PERMISSION
    secret.chmod(0o600)
    assert not told(path)


def test_check_tells_of_mail_in_the_clear(tmp_path: Path) -> None:
    ((what, _),) = told(written(tmp_path, f"{ORIGIN}, mail: {{server: 'smtp://mail.example.com', sender: a@b.example}}")).items()
    assert "without TLS" in what
