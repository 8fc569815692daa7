"""``expunge serve`` speaks TLS by itself: real handshakes, those that should fail, and clients that never finish one."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expunge.errors import Misconfigured
from expunge.web.tls import TlsFiles
from expunge.web.turns import THREADS
from tests.cli.running import expunge
from tests.web import certificates
from tests.web.certificates import DAY, Made
from tests.web.serving import Served, company, run_event, serving, table

HSTS = "Strict-Transport-Security"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return certificates.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, made: Made) -> Iterator[Served]:
    """One server that speaks TLS."""
    folder = tmp_path_factory.mktemp("secured")
    with serving(folder, company(folder), *made.options) as running:
        yield running


def trusting(made: Made, **limits: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=made.certificate.decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    for name, value in limits.items():
        setattr(context, name, value)
    return context


def place(served: Served) -> tuple[str, int]:
    parts = urlsplit(served.url)
    return parts.hostname or "", parts.port or 0


@contextlib.contextmanager
def connected(served: Served, context: ssl.SSLContext) -> Iterator[http.client.HTTPSConnection]:
    host, port = place(served)
    connection = http.client.HTTPSConnection(host, port, context=context, timeout=20)
    try:
        yield connection
    finally:
        connection.close()


def works(served: Served, context: ssl.SSLContext) -> http.client.HTTPResponse:
    with connected(served, context) as connection:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        assert json.loads(answer.read()) == {"status": "ok"}
        return answer


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_client_that_trusts_the_certificate_is_served_and_told_to_use_tls_from_now_on(secured: Served, made: Made, version: str) -> None:
    wanted = ssl.TLSVersion[version]
    context = trusting(made, minimum_version=wanted, maximum_version=wanted)
    assert secured.url.startswith("https://127.0.0.1:")
    assert works(secured, context).headers[HSTS] == "max-age=31536000"
    with connected(secured, context) as connection:
        body = json.dumps([run_event([table(secured.folder, "transcripts")], [table(secured.folder, "t" * 500)])] * 200)
        for _ in range(3):
            # The same connection, with bodies of several records.
            connection.request(
                "POST", "/api/v1/lineage", body, {"Authorization": f"Bearer {secured.token}", "Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            assert (answer.status, json.loads(answer.read())["received"]) == (200, 200)
        connection.request("POST", "/api/v1/lineage", body)
        refused = connection.getresponse()
        assert (refused.status, refused.headers[HSTS]) == (401, "max-age=31536000")


def test_what_is_no_http_is_answered_over_tls_with_the_same_header(secured: Served, made: Made) -> None:
    with (
        socket.create_connection(place(secured), timeout=20) as plain,
        trusting(made).wrap_socket(plain, server_hostname="127.0.0.1") as client,
    ):
        client.sendall(b"nonsense\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert HSTS.encode() in answer


def test_an_older_tls_is_refused(secured: Served, made: Made) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The library of this machine has to be willing, or the test would show nothing.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(place(secured), timeout=20) as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)protocol.version|unsupported"),
    ):
        context.wrap_socket(plain)
    works(secured, trusting(made))


def test_a_client_that_does_not_know_the_certificate_ends_the_handshake_and_the_server_lives_on(secured: Served, made: Made) -> None:
    with pytest.raises(ssl.SSLCertVerificationError), connected(secured, ssl.create_default_context()) as connection:
        connection.request("GET", "/healthz")
    works(secured, trusting(made))
    assert secured.stderr() == ""


def test_plain_http_on_this_port_is_told_so_and_gets_no_header_for_tls(secured: Served, made: Made) -> None:
    with socket.create_connection(place(secured), timeout=20) as connection:
        connection.sendall(b"GET /Quillfeather HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer walrus\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert HSTS.encode() not in head
    assert "speaks TLS" in json.loads(body)["error"]
    assert b"walrus" not in answer
    works(secured, trusting(made))
    assert secured.stderr() == ""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from([b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x80\x2e\x01"]), rest=st.binary(max_size=300)
)
def test_bytes_that_are_no_handshake_end_that_connection_alone(secured: Served, made: Made, start: bytes, rest: bytes) -> None:
    with socket.create_connection(place(secured), timeout=20) as connection, contextlib.suppress(OSError):
        connection.sendall(start + rest)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    works(secured, trusting(made))
    assert secured.stderr() == ""


def half_hello(context: ssl.SSLContext) -> bytes:
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(coming, going, server_hostname="127.0.0.1").do_handshake()
    return going.read()[:40]


@pytest.mark.parametrize("stops", ["before a byte", "within the handshake", "after the handshake", "within the head"])
def test_clients_that_stop_anywhere_do_not_keep_others_out(secured: Served, made: Made, stops: str) -> None:
    context = trusting(made)
    with ExitStack() as stack:
        for _ in range(3 * THREADS):
            client = stack.enter_context(socket.create_connection(place(secured), timeout=20))
            if stops == "within the handshake":
                client.sendall(half_hello(context))
            elif stops != "before a byte":
                client = stack.enter_context(context.wrap_socket(client, server_hostname="127.0.0.1"))
                if stops == "within the head":
                    client.sendall(b"POST /api/v1/lineage HTTP/1.1\r\nHost: ")
        begun = time.monotonic()
        works(secured, context)
        # Each of them would hold a thread for five seconds, or for ever.
        assert time.monotonic() - begun < 3


def test_without_a_certificate_nothing_tells_clients_to_use_tls(served: Served) -> None:
    assert served.url.startswith("http://127.0.0.1:")
    assert HSTS not in served.get("healthz").headers
    assert HSTS not in served.get("nowhere").headers


def test_a_renewed_certificate_is_shown_after_sighup_and_a_broken_one_is_not(tmp_path: Path) -> None:
    made = certificates.make(tmp_path / "tls")
    token = company(tmp_path)

    def shown(wanted: int, seconds: float = 30) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            # A worker that ends closes connections that it has taken and not greeted yet.
            with contextlib.suppress(ConnectionResetError):
                if x509.load_pem_x509_certificate(ssl.get_server_certificate(place(served)).encode()).serial_number == wanted:
                    return True
            time.sleep(0.1)
        return False

    with serving(tmp_path, token, *made.options) as served:
        assert shown(made.serial)
        renewed = certificates.make(tmp_path / "tls")
        assert not shown(renewed.serial, 0.5)
        served.process.send_signal(signal.SIGHUP)
        assert shown(renewed.serial)
        works(served, trusting(renewed))
        certificates.write(tmp_path / "tls", made.certificate, renewed.key)
        served.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 30
        while "was not renewed" not in served.stderr() and time.monotonic() < until:
            time.sleep(0.1)
        assert "is not that of the first certificate" in served.stderr()
        assert shown(renewed.serial)
        works(served, trusting(renewed))


def wrong_files() -> dict[str, tuple[Callable[[Path], TlsFiles], str]]:
    """Name -> files in a folder, and what is said of them."""

    def of(folder: Path, **changes: bytes) -> TlsFiles:
        made = certificates.make(folder)
        return certificates.write(folder, changes.get("certificate", made.certificate), changes.get("key", made.key)).files

    def open_to(mode: int) -> Callable[[Path], TlsFiles]:
        def build(folder: Path) -> TlsFiles:
            files = certificates.make(folder).files
            files.key.chmod(mode)
            return files

        return build

    return {
        "no certificate": (lambda folder: TlsFiles(folder / "none.pem", certificates.make(folder).files.key), "none.pem is not there"),
        "no key": (lambda folder: TlsFiles(certificates.make(folder).files.certificate, folder / "none.key"), "none.key is not there"),
        "a folder": (lambda folder: TlsFiles(folder, certificates.make(folder).files.key), "cannot be read: Is a directory"),
        "a device": (lambda folder: TlsFiles(Path("/dev/zero"), certificates.make(folder).files.key), "is no file"),
        "a certificate of nonsense": (lambda folder: of(folder, certificate=b"nonsense"), "holds no certificate in PEM"),
        "a key of nonsense": (lambda folder: of(folder, key=b"nonsense"), "holds no private key in PEM"),
        "the certificate twice": (lambda folder: of(folder, key=certificates.make(folder).certificate), "holds no private key in PEM"),
        "a locked key": (lambda folder: certificates.make(folder, passphrase=b"walrus").files, "is locked by a passphrase"),
        "another's key": (lambda folder: of(folder, key=certificates.make(folder / "other").key), "is not that of the first certificate"),
        "ended": (lambda folder: certificates.make(folder, -9 * DAY, -timedelta(minutes=1)).files, "ended on "),
        "not begun": (lambda folder: certificates.make(folder, DAY).files, "begins on "),
        "a key for everybody": (open_to(0o644), "others can read the key"),
        "a key for a group": (open_to(0o640), "others can read the key"),
        "a file without end": (lambda folder: of(folder, certificate=b"x" * (2**20 + 1)), "is larger than 1 MiB"),
    }


@pytest.mark.parametrize("name", wrong_files())
def test_a_wrong_certificate_or_key_is_told_apart_before_anything_listens(tmp_path: Path, name: str) -> None:
    build, said = wrong_files()[name]
    with pytest.raises(Misconfigured) as refused:
        build(tmp_path / "tls").context()
    assert said in refused.value.message
    assert str(tmp_path) in refused.value.message or "/dev/zero" in refused.value.message
    assert refused.value.help


def test_a_key_that_may_not_be_read_is_said_to_be_so(tmp_path: Path) -> None:
    files = certificates.make(tmp_path).files
    files.key.chmod(0)
    if os.geteuid() == 0:
        pytest.skip("root reads every file")
    with pytest.raises(Misconfigured, match="cannot be read: Permission denied"):
        files.context()


def test_the_command_says_what_is_wrong_and_listens_to_nobody(tmp_path: Path) -> None:
    company(tmp_path)
    made = certificates.make(tmp_path / "tls", -9 * DAY, -DAY)
    ended = expunge("serve", "--port", "0", *made.options, cwd=tmp_path)
    assert (ended.code, "ended on" in ended.err, "renew it" in ended.err) == (1, True, True)
    half = expunge("serve", "--port", "0", "--tls-cert", made.files.certificate, cwd=tmp_path)
    assert (half.code, "give both --tls-cert and --tls-key" in half.err) == (2, True)


@pytest.mark.soak
@pytest.mark.duty("RNG-22")
def test_plain_http_where_other_machines_reach_it_has_to_be_meant(tmp_path: Path) -> None:
    refused = expunge("serve", "--port", "0", "--host", "0.0.0.0", cwd=tmp_path)
    assert (refused.code, "--exposed-plain" in refused.err, "--tls-cert" in refused.err) == (2, True, True)


@pytest.mark.soak
def test_other_machines_reach_it_over_tls_or_by_plain_http_that_is_meant(tmp_path: Path) -> None:
    token = company(tmp_path)
    with serving(tmp_path, token, "--host", "0.0.0.0", "--exposed-plain") as served:
        assert served.get("healthz").status == 200
        assert HSTS not in served.get("healthz").headers
    made = certificates.make(tmp_path / "tls")
    with serving(tmp_path, token, "--host", "0.0.0.0", *made.options) as served:
        served.url = served.url.replace("0.0.0.0", "127.0.0.1")
        works(served, trusting(made))
