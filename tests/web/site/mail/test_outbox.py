"""Mail waits sealed, goes out when the server takes it, and is neither lost nor sent late."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.certificates import make
from tests.web.site.mail.post_office import Office, office, tls

KIM = "kim@family.example"
SECRET = "the-code-is-9F4K-77QX"


@pytest.fixture(scope="module")
def one_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("office")) as made:
        yield made


@pytest.fixture
def desk(one_office: Office) -> Office:
    one_office.empty()
    return one_office


def test_a_message_goes_out_in_text_and_html_and_leaves_nothing(desk: Office) -> None:
    with desk.postmaster.listening():
        desk.run(
            f"put({KIM!r}, {SECRET!r})\nstart = sender(); start.start()\nwhile WaitingMail.objects.count(): time.sleep(0.02)\nstart.stop()"
        )
        (message,) = desk.postmaster.to(KIM)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert SECRET in text.get_content()
    assert f"<p>{SECRET}</p>" in html.get_content()
    assert message["From"] == "Acme Doorbells <privacy@acme.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@acme.example>")
    assert not desk.rows("waiting")
    ((mail, recipient, _),) = desk.rows("sent")
    assert mail in message["Message-ID"]
    assert "kim" not in recipient


def test_the_database_tells_neither_recipient_nor_message(desk: Office) -> None:
    desk.run(f"put({KIM!r}, {SECRET!r})")
    assert len(desk.rows("waiting")) == 1
    stolen = b"".join(path.read_bytes() for path in desk.database.parent.iterdir())
    for planted in (KIM, SECRET, "A subject", "family.example"):
        assert planted.encode() not in stolen
        assert planted.encode().hex().encode() not in stolen


def test_a_message_of_another_row_does_not_open(desk: Office) -> None:
    """Who may write the database, and nothing else, cannot have one person's mail sent to another."""
    desk.run(f"put({KIM!r}, {SECRET!r}); put('lee@family.example')")
    first, second = desk.rows("waiting")
    desk.execute(
        f"UPDATE expunge_mail_waiting SET body = (SELECT body FROM expunge_mail_waiting WHERE id = '{first[0]}') WHERE id = '{second[0]}'"
    )
    with desk.postmaster.listening():
        assert "was changed" in desk.run("answer([attempt(), attempt()])")[0]
    assert [recipients for recipients, _ in desk.postmaster.mails] == [[KIM]]


def test_a_server_that_is_away_loses_nothing(desk: Office) -> None:
    assert "cannot be used" in desk.run(f"put({KIM!r})\nanswer(attempt())")
    assert len(desk.rows("waiting")) == 1
    assert desk.rows("waiting")[0][7] == 0, "no attempt of the message: the server was away"
    with desk.postmaster.listening():
        assert desk.run("answer(attempt())") == "sent"
        desk.postmaster.to(KIM)
    assert not desk.rows("waiting")


def test_the_thread_tells_once_why_mail_waits_and_sends_when_the_server_is_back(desk: Office) -> None:
    code = f"""
        put({KIM!r})
        mail = sender(); mail.start()
        until = time.monotonic() + 40
        while WaitingMail.objects.count() and time.monotonic() < until:
            time.sleep(0.05)
            if told: Path("told").write_text(told[0])
        mail.stop()
        answer(told)
    """
    with desk.begin(code) as process:
        while not (desk.folder / "told").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        with desk.postmaster.listening():
            desk.postmaster.to(KIM, within=30)
            out, err = process.communicate(timeout=30)
    assert out.count("mail waits: the mail server 127.0.0.1 cannot be used") == 1, err
    assert KIM not in out


def test_a_refusal_for_good_ends_the_message_and_marks_the_address(desk: Office) -> None:
    desk.postmaster.answers = {f"RCPT {KIM}": f"550 5.1.1 <{KIM}> is nobody here", "DATA lee@x.example": "554 no"}
    code = f"""
        put({KIM!r}); put("lee@x.example"); attempt()
        found = [addresses.trouble_of(address) for address in ("Kim@Family.example", "lee@x.example")]
        answer([[each.kind, each.status] for each in found])
    """
    with desk.postmaster.listening():
        assert desk.run(code) == [["refused", "5.1.1"], ["refused", "554"]]
    assert not desk.rows("waiting")


def test_an_owner_who_shows_a_code_settles_the_trouble_and_mail_that_is_taken_settles_a_refusal(desk: Office) -> None:
    code = f"""
        from types import SimpleNamespace
        from allauth.account.signals import email_confirmed
        people = [{KIM!r}, "lee@x.example", "ada@x.example"]
        kinds = [addresses.TroubleKind.BOUNCED, addresses.TroubleKind.REFUSED, addresses.TroubleKind.BOUNCED]
        for person, kind in zip(people, kinds):
            addresses.note_trouble(sealed_address(fields, person), kind, "")
        email_confirmed.send(sender=None, request=None, email_address=SimpleNamespace(email={KIM!r}))
        for person in people[1:]: put(person)
        attempt()
        answer([addresses.trouble_of(person) is None for person in people])
    """
    with desk.postmaster.listening():
        assert desk.run(code) == [True, True, False]


def test_what_may_pass_is_tried_again_after_longer_and_longer(desk: Office) -> None:
    desk.postmaster.answers = {f"RCPT {KIM}": "450 4.2.1 later", "DATA lee@x.example": "451 later"}
    code = f"""
        put({KIM!r}); put("lee@x.example")
        waits = []
        for _ in range(10):
            attempt()
            waits += [{{round((row.due - clock.now()).total_seconds()) for row in WaitingMail.objects.all()}}]
            WaitingMail.objects.update(due=clock.now())
        answer([[*map(list, waits)], WaitingMail.objects.filter(attempts=10).count(), addresses.trouble_of({KIM!r})])
    """
    with desk.postmaster.listening():
        waits, rows, trouble = desk.run(code)
    assert waits == [[30], [60], [120], [240], [480], [960], [1920], [3840], [7200], [7200]]
    assert (rows, trouble) == (2, None)


def test_a_refusal_of_our_own_address_is_no_trouble_of_the_recipients(desk: Office) -> None:
    desk.postmaster.answers = {"MAIL": "550 5.7.1 not from you"}
    with desk.postmaster.listening():
        assert desk.run(f"put({KIM!r}); attempt()\nanswer([WaitingMail.objects.get().attempts, addresses.trouble_of({KIM!r})])") == [
            1,
            None,
        ]


def test_a_slow_server_is_given_up_and_the_message_keeps_its_id(desk: Office) -> None:
    """It may have taken the message: then it comes twice, under one Message-ID."""
    desk.postmaster.slow = 4.0
    with desk.postmaster.listening():
        assert "does not answer in time" in desk.run(f"put({KIM!r})\nanswer(attempt(3.0))")
        desk.postmaster.to(KIM)
        desk.postmaster.slow = 0.0
        desk.execute("UPDATE expunge_mail_waiting SET due = '2000-01-01'")
        assert desk.run("answer(attempt())") == "sent"
        first, second = desk.postmaster.to(KIM, 2)
    assert first["Message-ID"] == second["Message-ID"]


@pytest.mark.parametrize(("point", "comes"), [("mail.send.hand:before", 1), ("mail.send.hand:after", 2)])
def test_a_process_killed_on_the_way_loses_no_message(desk: Office, point: str, comes: int) -> None:
    """Killed after the server took it, before that is written down: the message comes twice, under one Message-ID."""
    with desk.postmaster.listening():
        assert desk.run_apart(f"put({KIM!r})\nattempt()", EXPUNGE_FAILPOINT=f"{point}=kill") == -9
        assert len(desk.rows("waiting")) == 1
        assert desk.run("attempt()\nanswer(WaitingMail.objects.count())") == 1, "the lease of the dead process still holds"
        desk.execute("UPDATE expunge_mail_waiting SET leased_until = '2000-01-01'")
        assert desk.run("answer(attempt())") == "sent"
        mails = desk.postmaster.to(KIM, comes)
    assert len(mails) == comes
    assert len({message["Message-ID"] for message in mails}) == 1
    assert not desk.rows("waiting")


def test_two_processes_send_each_message_once(desk: Office) -> None:
    desk.run("for number in range(60): put(f'p{number}@family.example')")
    code = "mail = sender(); mail.start()\nwhile WaitingMail.objects.count(): time.sleep(0.02)\nmail.stop(); answer(counted)"
    with desk.postmaster.listening():
        counts = [taken.count("taken") for taken in desk.run_by_two(code)]
        assert sorted(recipient for recipients, _ in desk.postmaster.mails for recipient in recipients) == sorted(
            f"p{number}@family.example" for number in range(60)
        )
    assert sum(counts) == 60


def test_a_code_that_has_ended_is_not_sent(desk: Office) -> None:
    code = f"""
        from email.utils import format_datetime
        put({KIM!r}, headers={{"Expires": format_datetime(clock.now() - timedelta(seconds=1))}})
        put("lee@family.example", headers={{"Expires": format_datetime(clock.now() + timedelta(minutes=3))}})
        attempt()
        answer([addresses.trouble_of({KIM!r}).kind, counted])
    """
    with desk.postmaster.listening():
        assert desk.run(code)[0] == "unsent"
        desk.postmaster.to("lee@family.example")
    assert len(desk.postmaster.mails) == 1


def test_a_message_is_given_up_after_a_day(desk: Office) -> None:
    code = f"""
        put({KIM!r})
        row = WaitingMail.objects.get()
        answer((row.ends - row.queued).total_seconds())
    """
    assert desk.run(code) == 24 * 3600


def test_the_queue_is_bounded_and_of_many_messages_to_one_address_the_newest_are_kept(desk: Office) -> None:
    code = f"""
        import uuid
        for number in range(25): put({KIM!r}, f"number {{number}}.")
        attempt()
        now = clock.now()
        row = dict(recipient="x", key=b"", body=b"", queued=now, due=now, ends=now)
        WaitingMail.objects.bulk_create(WaitingMail(id=uuid.uuid4(), **row) for _ in range(outbox.MOST_WAITING))
        try:
            put("lee@family.example")
        except ExpungeError as error:
            answer(error.message)
    """
    with desk.postmaster.listening():
        assert "messages wait to be sent" in desk.run(code)
    texts = [body.get_content().strip() for message in desk.postmaster.to(KIM, 20) if (body := message.get_body(("plain",)))]
    assert sorted(texts) == sorted(f"number {number}." for number in range(5, 25))


def test_content_is_never_attached_and_a_message_has_one_reader(desk: Office) -> None:
    code = """
        said = []
        for recipients, attached in ((["a@x.example", "b@x.example"], False), (["a@x.example"], True)):
            message = EmailMultiAlternatives("s", "b", to=recipients)
            if attached:
                message.attach("recording.mp4", b"x", "video/mp4")
            try:
                message.send()
            except ExpungeError as error:
                said.append(error.message)
        answer([said, WaitingMail.objects.count()])
    """
    said, waiting = desk.run(code)
    assert len(said) == 2
    assert waiting == 0


def test_an_account_that_ends_takes_its_mail_along(desk: Office) -> None:
    code = f"""
        put({KIM!r}); put("lee@family.example")
        addresses.note_trouble(WaitingMail.objects.order_by("queued").first().recipient, addresses.TroubleKind.BOUNCED, "5.1.1")
        addresses.forget({KIM.upper()!r})
        answer([WaitingMail.objects.count(), MailTrouble.objects.count()])
    """
    assert desk.run(code) == [1, 0]


def test_a_certificate_of_another_host_or_that_nobody_vouches_for_is_refused(desk: Office, tmp_path: Path) -> None:
    made = make(tmp_path / "tls")
    context = tls(made.files.certificate, made.files.key)
    desk.server = f"smtps://localhost:{desk.postmaster.port}"
    with desk.postmaster.listening(ssl_context=context):
        message = desk.run(f"put({KIM!r})\nanswer(attempt())", SSL_CERT_FILE=str(made.files.certificate))
    assert "is not trusted" in message
    desk.server = f"smtps://127.0.0.1:{desk.postmaster.port}"
    with desk.postmaster.listening(ssl_context=context):
        assert "is not trusted" in desk.run("answer(attempt())")
        assert not desk.postmaster.mails
        desk.execute("UPDATE expunge_mail_waiting SET due = '2000-01-01'")
        assert desk.run("answer(attempt())", SSL_CERT_FILE=str(made.files.certificate)) == "sent"
        desk.postmaster.to(KIM)


def test_starttls_is_not_done_without(desk: Office, tmp_path: Path) -> None:
    desk.server = f"smtp+starttls://127.0.0.1:{desk.postmaster.port}"
    with desk.postmaster.listening():
        assert "does not offer what is needed" in desk.run(f"put({KIM!r})\nanswer(attempt())")
    assert not desk.postmaster.mails
    made = make(tmp_path / "tls")
    context = tls(made.files.certificate, made.files.key)
    with desk.postmaster.listening(tls_context=context, require_starttls=True):
        assert desk.run("answer(attempt())", SSL_CERT_FILE=str(made.files.certificate)) == "sent"
        desk.postmaster.to(KIM)


def test_the_password_comes_from_its_file_and_stands_in_no_message(desk: Office, tmp_path: Path) -> None:
    made = make(tmp_path / "tls")
    secret = tmp_path / "smtp.password"
    secret.write_text("wrong-horse\n")
    secret.chmod(0o600)
    desk.server, desk.secret_file = f"smtps://post@127.0.0.1:{desk.postmaster.port}", str(secret)
    options = {
        "ssl_context": tls(made.files.certificate, made.files.key),
        "authenticator": desk.postmaster.authenticate,
        "auth_require_tls": False,
    }
    with desk.postmaster.listening(**options):
        message = desk.run(f"put({KIM!r})\nanswer(attempt())", SSL_CERT_FILE=str(made.files.certificate))
        assert "it answered 5.7.8" in message
        assert "wrong-horse" not in message
        secret.write_text("hunter2\n")
        assert desk.run("answer(attempt())", SSL_CERT_FILE=str(made.files.certificate)) == "sent"
        secret.chmod(0o644)
        assert "everybody can read the password" in desk.run(f"put({KIM!r})\nanswer(attempt())", SSL_CERT_FILE=str(made.files.certificate))
    assert desk.postmaster.passwords[-1] == (b"post", b"hunter2")
