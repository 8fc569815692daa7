"""Letters over real sockets: TLS where the address says so, a few tries, and nothing of a person in what is said or logged."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from expunge import clock
from expunge.adapters.outbound.mail_smtp import TOLD_PAUSES, MailServer, SmtpLetters
from expunge.bootstrap.accounts.guard_settings import settings_of
from expunge.core.accounts.accounts_spec import AccountsSpec, MailSpec
from expunge.errors import Busy, Misconfigured, StoreUnavailable, Undelivered
from expunge.ports.accounts.letters import Letter
from tests.adapters.sinks import mail_sink
from tests.moment import of_the_machine

LETTER = Letter("anna@home.example", "A code", "Your code is 12345678.\n", "<p>Your code is 12345678.</p>")
SENDER = "Owl <privacy@owl.example>"


def wait_until(done: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not done():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.005)


@contextmanager
def letters(server: MailServer, pauses: tuple[float, ...] = (0.05, 0.05), told_pauses: tuple[float, ...] = ()) -> Iterator[SmtpLetters]:
    found = SmtpLetters(server, SENDER, pauses, told_pauses=told_pauses)
    try:
        yield found
    finally:
        found.close()


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.owl.example", MailServer("mail.owl.example", 587)),
        ("smtp://anna:p%40ss@mail.owl.example:2525", MailServer("mail.owl.example", 2525, "anna", "p@ss")),
        ("smtps://mail.owl.example", MailServer("mail.owl.example", 465, wrapped=True)),
        ("smtp://127.0.0.1:25", MailServer("127.0.0.1", 25, tls=False)),
        ("smtps://localhost", MailServer("localhost", 465, wrapped=True)),
    ],
)
def test_an_address_says_how_the_server_is_reached(url: str, server: MailServer) -> None:
    assert MailServer.at(url) == server
    assert "p@ss" not in repr(MailServer.at(url))


@pytest.mark.parametrize(
    "url", ["", "http://mail", "smtp://", "smtp://mail:port", "smtp://mail/x", "smtp://mail?tls=no", "mail.owl.example:25"]
)
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        MailServer.at(url)
    assert "smtps://" in refused.value.help


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://localhost", MailServer("localhost", 25, tls=False)),
        ("smtp://relay.owl.example:2525", MailServer("relay.owl.example", 2525, tls=False)),
        ("smtp+starttls://anna%40owl@localhost", MailServer("localhost", 587, "anna@owl", "p@ss")),
        ("smtps://anna@mail.owl.example", MailServer("mail.owl.example", 465, "anna", "p@ss", wrapped=True)),
    ],
    ids=["this machine", "in the clear", "starttls", "tls"],
)
def test_the_keeper_reaches_the_server_as_the_map_says(url: str, server: MailServer) -> None:
    """As pages do: no other port, and TLS where the map names it, also on this machine."""
    spec = AccountsSpec("https://owl.example", mail=MailSpec(url, "privacy@owl.example", secret_variable="OWL_MAIL" if "@" in url else ""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OWL_MAIL", "p@ss")
        assert settings_of(spec).mail == server


def test_a_letter_arrives_as_text_and_html_by_itself() -> None:
    with mail_sink() as sink, letters(MailServer.at(f"smtp://127.0.0.1:{sink.port}")) as found:
        found.post(LETTER)
        wait_until(lambda: found.sent == 1)
        assert sink.messages == [("anna@home.example", LETTER.text.replace("\n", "\r\n"))]
        assert "12345678" in sink.html[0]
        assert sink.headers[0]["Subject"] == "A code"
        assert sink.headers[0]["From"] == SENDER
        assert sink.headers[0]["Message-ID"].endswith("@owl.example>")


def test_a_server_that_is_busy_is_tried_again() -> None:
    with mail_sink() as sink, letters(MailServer.at(f"smtp://127.0.0.1:{sink.port}"), (0.3, 0.3)) as found:
        sink.refuse = "451 later"
        found.post(LETTER)
        time.sleep(0.2)
        found.post(LETTER)
        sink.refuse = ""
        wait_until(lambda: found.sent + found.lost == 2)
    assert (found.sent, found.lost) == (2, 0)


def test_a_server_that_comes_back_gets_what_waits(caplog: pytest.LogCaptureFixture) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with letters(MailServer("127.0.0.1", port, tls=False), (0.4, 0.4, 0.4)) as found, caplog.at_level("INFO"):
        found.post(LETTER)
        time.sleep(0.1)
        with pytest.raises(Undelivered) as told:
            found.post(LETTER)
        assert "minute" in told.value.help
        with mail_sink(port) as sink:
            wait_until(lambda: found.sent == 1)
            found.post(LETTER)
            wait_until(lambda: found.sent == 2)
            assert len(sink.messages) == 2
    assert "anna" not in caplog.text


def test_a_letter_that_cannot_be_sent_is_counted_and_logged_without_its_owner(caplog: pytest.LogCaptureFixture) -> None:
    with letters(MailServer("127.0.0.1", 1, tls=False), (0.01,)) as found, caplog.at_level("INFO"):
        found.post(LETTER)
        wait_until(lambda: found.lost == 1)
    assert "letter_lost" in caplog.text
    assert "home.example" not in caplog.text


def test_a_refused_recipient_is_lost_and_stops_no_other() -> None:
    with mail_sink() as sink, letters(MailServer.at(f"smtp://127.0.0.1:{sink.port}")) as found:
        sink.refuse = "550 nobody here"
        found.post(LETTER)
        wait_until(lambda: found.lost == 1)
        sink.refuse = ""
        found.post(LETTER)
        wait_until(lambda: found.sent == 1)


def test_there_is_an_end_to_what_waits_and_codes_leave_room_for_what_a_person_has_to_hear() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        found = SmtpLetters(MailServer("127.0.0.1", silent.getsockname()[1], tls=False), SENDER, ())
        for letter in (LETTER, replace(LETTER, tells=True)):
            for _ in range(250):
                found.post(letter)
            if not letter.tells:
                with pytest.raises(Busy):  # noqa: PT012 - one more may have been taken up meanwhile
                    for _ in range(2):
                        found.post(letter)
        with pytest.raises(Busy):  # noqa: PT012 - as above
            for _ in range(2):
                found.post(replace(LETTER, tells=True))


def test_what_a_person_has_to_hear_waits_for_a_server_that_is_away() -> None:
    with letters(MailServer("127.0.0.1", 1, tls=False), (0.01,)) as found:
        found.post(LETTER)
        wait_until(lambda: found.lost == 1)
        with pytest.raises(Undelivered):
            found.post(LETTER)
        found.post(replace(LETTER, tells=True))
        wait_until(lambda: found.lost == 2)


def test_what_a_person_has_to_hear_is_tried_for_hours_and_a_code_is_not() -> None:
    assert sum(TOLD_PAUSES) > 6 * 3600
    with closing(socket.create_server(("127.0.0.1", 0))) as reserved:
        port = reserved.getsockname()[1]
    with letters(MailServer("127.0.0.1", port, tls=False), (0.01,), (0.5,)) as found:
        found.post(LETTER)
        wait_until(lambda: found.lost == 1)
        found.post(replace(LETTER, tells=True))
        with mail_sink(port=port):
            wait_until(lambda: found.sent == 1)
    assert found.lost == 1


@pytest.mark.parametrize("wrapped", [True, False], ids=["smtps", "starttls"])
def test_tls_is_spoken_with_the_named_host_alone(tmp_path: Path, wrapped: bool) -> None:
    """A server with a certificate of another name, or that offers no TLS, gets no letter."""
    own, trusted = _certified(tmp_path, "localhost")
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, LETTER.to, "A code"
    message.set_content("12345678")
    with mail_sink(tls=own, wrapped=wrapped) as sink:
        MailServer("localhost", sink.port, tls=True, wrapped=wrapped, context=trusted).send(message)
        assert "12345678" in sink.last()
        other, stranger = (
            MailServer(host, sink.port, wrapped=wrapped, context=context) for host, context in (("127.0.0.1", trusted), ("localhost", None))
        )
        for server in (other, stranger):
            with pytest.raises(StoreUnavailable, match="SSLCertVerificationError"):
                server.send(message)
        assert len(sink.messages) == 1
    with mail_sink() as plain:
        with pytest.raises(StoreUnavailable):
            MailServer("127.0.0.1", plain.port, wrapped=wrapped, context=trusted).send(message)
        assert plain.messages == []


def _certified(folder: Path, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for a host, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    day = dt.timedelta(days=1)
    building = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    building = building.not_valid_before(of_the_machine() - day).not_valid_after(clock.now() + day)
    building = building.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    made = building.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    form = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(form))
    (folder / "key.pem").write_bytes(key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return own, ssl.create_default_context(cafile=folder / "cert.pem")
