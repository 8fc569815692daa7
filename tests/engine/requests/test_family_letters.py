"""Letters to members over a real mail server: to proven addresses alone, in their language, without a name or an order in them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from expunge.adapters.database.account_register_django import DjangoAccountRegister
from expunge.adapters.database.journal_django import open_journal
from expunge.adapters.keys.field_seals import FieldSeals
from expunge.adapters.outbound.mail_smtp import MailServer, SmtpDelivery
from expunge.adapters.state.url import sqlite_url
from expunge.bootstrap.accounts.kept_guard import NoLetters
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.journal.notice_events import LetterResult, NoticeKind
from expunge.core.orders.notice_texts import notice_letter
from expunge.core.values.ids import Pseudonym
from expunge.engine.accounts.family_letters import LocalFamilyLetters
from expunge.engine.accounts.owners import Owners
from expunge.ports.accounts.account_register import AccountRecord
from tests.adapters.sinks import Sink, mail_sink

AT = datetime(2031, 5, 2, 12, 30, tzinfo=UTC)
FAMILY = Pseudonym("cd" * 16)
BANNED = r"delet|purg|wip|destroy|scrub|anonymi|please|sorry|elimin|suprim|destru"


@dataclass
class Scene:
    register: DjangoAccountRegister
    owners: Owners
    letters: LocalFamilyLetters
    sink: Sink

    def member(self, language: str = "en", role: MembershipRole = MembershipRole.GUARDIAN, *, proven: bool = True) -> UUID:
        account = uuid4()
        address = self.owners.sealed_address(f"{account.hex[:8]}@home.example")
        self.register.open_account(AccountRecord(account, address, language, AT, AT if proven else None))
        self.register.set_membership(Membership(account, FAMILY, role, AT))
        return account

    def write(self, account: UUID, kind: NoticeKind = NoticeKind.DONE, key: str = "k") -> LetterResult:
        return self.letters.write(account, FAMILY, kind, AT, key)


@contextmanager
def scene_in(folder: Path) -> Iterator[Scene]:
    with mail_sink() as sink, open_journal(sqlite_url(folder / "state.db")) as journal:
        register = DjangoAccountRegister(journal.alias)
        owners = Owners(register, FieldSeals(b"k" * 32), NoLetters(), company="Night Owl", site="https://owl.example")
        delivery = SmtpDelivery(MailServer("127.0.0.1", sink.port, tls=False), "privacy@owl.example")
        try:
            yield Scene(register, owners, LocalFamilyLetters(register, owners, delivery), sink)
        finally:
            register.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scene_in(tmp_path) as made:
        yield made


def test_readers_are_members_of_now_with_a_proven_address(scene: Scene) -> None:
    mother, child = scene.member(), scene.member(role=MembershipRole.SELF)
    scene.member(role=MembershipRole.FORMER)
    scene.member(proven=False)
    assert {each.account for each in scene.letters.readers(FAMILY)} == {mother, child}
    assert scene.letters.readers(Pseudonym("ef" * 16)) == ()


def test_a_letter_goes_to_the_address_of_the_account_in_its_language(scene: Scene) -> None:
    mother, father = scene.member("es-MX"), scene.member("fr")
    assert scene.write(mother) is LetterResult.TAKEN
    assert scene.write(father) is LetterResult.TAKEN
    assert [to for to, _ in scene.sink.messages] == [f"{account.hex[:8]}@home.example" for account in (mother, father)]
    assert "terminó una solicitud" in scene.sink.messages[0][1]
    assert "finished a request" in scene.sink.messages[1][1]
    assert "https://owl.example" in scene.sink.messages[1][1]


def test_who_is_no_member_any_more_or_has_no_proven_address_is_not_written_to(scene: Scene) -> None:
    assert scene.write(scene.member(role=MembershipRole.FORMER)) is LetterResult.NO_ADDRESS
    assert scene.write(scene.member(proven=False)) is LetterResult.NO_ADDRESS
    assert scene.write(uuid4()) is LetterResult.NO_ADDRESS
    assert scene.sink.messages == []


def test_the_servers_answer_is_told(scene: Scene) -> None:
    mother = scene.member()
    for reply, result in (("550 no", LetterResult.REFUSED), ("451 later", LetterResult.LATER), ("", LetterResult.TAKEN)):
        scene.sink.refuse = reply
        assert scene.write(mother) is result


def test_a_second_copy_of_a_letter_has_the_same_message_id(scene: Scene) -> None:
    mother = scene.member()
    for key in ("one", "one", "two"):
        scene.write(mother, key=key)
    first, again, other = (headers["Message-ID"] for headers in scene.sink.headers)
    assert first == again != other
    assert "one" not in first


@pytest.mark.parametrize(("kind", "language"), list(itertools.product(NoticeKind, ("en", "es"))))
def test_each_letter_says_no_content_and_leads_to_the_pages(kind: NoticeKind, language: str) -> None:
    told = notice_letter(kind, language, company="Night Owl", site="https://owl.example", when=AT)
    assert "https://owl.example" in told.text
    assert 'href="https://owl.example"' in told.html
    assert "{" not in told.text + told.subject
    assert re.search(BANNED, told.text + told.subject, re.IGNORECASE) is None
    assert all(len(re.findall(r"\w+", sentence)) <= 26 for sentence in re.split(r"(?<=[.:])\s", told.text))
