"""A log read over HTTP: what is checked, how little is fetched, and what a hostile or broken server can do."""

from __future__ import annotations

import gzip
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from expunge.adapters.log import audit
from expunge.adapters.log.audit import verify_growth, verify_log
from expunge.adapters.log.log_source import FolderSource, HttpSource
from expunge.core import merkle
from expunge.core.log import log_tiles
from expunge.errors import EvidenceInvalid, LogUnreached, UsageError
from tests.evidence_kit import SeededKeys
from tests.log_kit import NOW, SeededWitness, answering, asking, grown, running, served

POLICY = SeededKeys().policy()
MORE = 70_000
"""Entries of a log with full tiles of two levels."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    grown(folder, MORE)
    return folder


def known(folder: Path, *sizes: int) -> list[tuple[int, bytes]]:
    log = grown(folder, 0)
    return [(size, log.root(size)) for size in sizes]


def test_an_audit_over_http_checks_what_one_on_disk_checks(tmp_path: Path) -> None:
    grown(tmp_path, 700)
    earlier = known(tmp_path, 1, 256, 300, 700)
    with served(tmp_path) as url, HttpSource(url) as source:
        found = verify_log(source, POLICY, earlier, now=NOW)
        assert (found.head.size, found.known, found.signers, found.whole, found.leftover) == (700, 4, 2, True, ())
        for size in (300, 700):
            with pytest.raises(EvidenceInvalid, match="fork"):
                verify_log(source, POLICY, [(size, bytes(32))], now=NOW)
        with pytest.raises(EvidenceInvalid, match="shorter"):
            verify_log(source, POLICY, [(701, bytes(32))], now=NOW)


@pytest.mark.parametrize(
    "name", ["checkpoint", "tile/0/000", "tile/0/002.p/188", "tile/1/000.p/2", "tile/entries/001", "tile/entries/002.p/188"]
)
@pytest.mark.parametrize("damage", ["changed", *(pytest.param(each, marks=pytest.mark.soak) for each in ("cut", "gone", "long"))])
def test_damage_is_found_over_http(tmp_path: Path, name: str, damage: str) -> None:
    grown(tmp_path, 700)
    path = tmp_path / name
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(
            {"changed": content[:40] + bytes([content[40] ^ 1]) + content[41:], "cut": content[:-7], "long": content + b"x"}[damage]
        )
    with served(tmp_path) as url, HttpSource(url) as source, pytest.raises(EvidenceInvalid):
        verify_log(source, POLICY, now=NOW)


def test_only_the_tiles_on_the_way_are_fetched(large: Path) -> None:
    earlier = known(large, 300, 40_000, MORE)
    with served(large) as url, HttpSource(url) as source:
        found, view = verify_growth(source, POLICY, earlier, now=NOW)
        assert view.root(MORE) == found.head.root
        assert source.fetched <= 8
        asked = source.fetched
        assert view.bundle(100)[3] == b"entry 25603"
        assert merkle.leaf_hash(b"entry 25603") == view.leaf_hash(25_603)
        assert source.fetched <= asked + 2


def test_a_partial_tile_that_is_full_by_now_is_cut_from_the_full_one(tmp_path: Path) -> None:
    grown(tmp_path / "log", 700)
    before = (tmp_path / "log" / "checkpoint").read_bytes()
    grown(tmp_path / "log", 1100)
    assert not (tmp_path / "log/tile/0/002.p").exists()
    assert not (tmp_path / "log/tile/entries/002.p").exists()
    (tmp_path / "log" / "checkpoint").write_bytes(before)
    with served(tmp_path / "log") as url, HttpSource(url) as source:
        assert verify_log(source, POLICY, now=NOW).head.size == 700


def test_a_log_that_grows_between_two_requests_is_still_the_log(tmp_path: Path) -> None:
    grown(tmp_path, 700)

    class Growing(FolderSource):
        def read(self, name: str, most: int) -> bytes | None:
            data = super().read(name, most)
            if name == "checkpoint":
                grown(tmp_path, 800)
            return data

    assert verify_log(Growing(tmp_path), POLICY, now=NOW).head.size == 700


def test_a_quorum_is_asked_of_the_head_over_http(tmp_path: Path) -> None:
    grown(tmp_path, 3)
    witness = SeededWitness("w0")
    policy = asking(POLICY, [witness])
    with served(tmp_path) as url, HttpSource(url) as source:
        with pytest.raises(EvidenceInvalid, match="lacks the cosignatures"):
            verify_growth(source, policy, (), now=NOW)
        path = tmp_path / "checkpoint"
        path.write_bytes(witness.cosign(path.read_bytes()))
        assert verify_growth(source, policy, (), now=NOW)[0].signed.witnesses == ("w0.example",)
        with pytest.raises(EvidenceInvalid, match="in the future"):
            verify_growth(source, policy, (), now=NOW - timedelta(days=1))


def test_the_writer_goes_on_from_a_checkpoint_with_cosignatures(tmp_path: Path) -> None:
    grown(tmp_path, 3)
    path = tmp_path / "checkpoint"
    path.write_bytes(SeededWitness("w0").cosign(path.read_bytes()))
    assert grown(tmp_path, 5).head().size == 5


def handler(answer: Callable[[BaseHTTPRequestHandler], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def send(request: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(body)


def drip(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    try:
        for _ in range(600):
            request.wfile.write(b"x")
            request.wfile.flush()
            time.sleep(0.05)
    except OSError:
        pass


def drip_headers(request: BaseHTTPRequestHandler) -> None:
    try:
        for letter in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 600:
            request.wfile.write(bytes([letter]))
            request.wfile.flush()
            time.sleep(0.05)
    except OSError:
        pass


BOMB = gzip.compress(bytes(64 << 20))


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (lambda it: send(it, 302, Location="http://127.0.0.1:1/"), LogUnreached, "answered 302"),
        (lambda it: send(it, 500, b"x" * 1000), LogUnreached, "answered 500"),
        (lambda it: send(it, 404), EvidenceInvalid, "no checkpoint"),
        (lambda it: send(it, 200, b"short", Content_Length="500"), LogUnreached, "IncompleteRead"),
        (lambda it: send(it, 200, b"not gzip", Content_Encoding="gzip"), LogUnreached, "checkpoint"),
        (lambda it: send(it, 200, gzip.compress(b"x" * 99)[:-9], Content_Encoding="gzip"), LogUnreached, "checkpoint"),
        (lambda it: send(it, 200, b"?", Content_Encoding="br"), EvidenceInvalid, "encoding"),
        (lambda it: send(it, 200, BOMB, Content_Encoding="gzip"), EvidenceInvalid, "longer"),
        (lambda it: send(it, 200, bytes(2 << 20)), EvidenceInvalid, "longer"),
        (lambda it: send(it, 200, b"<html>hello"), EvidenceInvalid, "names no such log"),
        (lambda it: it.wfile.write(b"no HTTP at all\r\n\r\n"), LogUnreached, "BadStatusLine"),
        (lambda it: time.sleep(3), LogUnreached, "in time"),
        (drip, LogUnreached, "in time"),
        (drip_headers, LogUnreached, "in time"),
    ],
)
def test_a_hostile_server_is_bounded_and_named(answer: Callable[[BaseHTTPRequestHandler], None], kind: type[Exception], said: str) -> None:
    start = time.monotonic()
    with running(answering(handler(answer))) as url, HttpSource(url, seconds=0.7) as source, pytest.raises(kind) as caught:
        audit.read_head(source, POLICY, NOW)
    assert said in str(caught.value)
    assert time.monotonic() - start < 3.5


def test_a_compressed_log_is_read(tmp_path: Path) -> None:
    grown(tmp_path, 300)

    def answer(it: BaseHTTPRequestHandler) -> None:
        path = tmp_path / it.path.removeprefix("/under/a path/").replace("%20", " ").removeprefix("/under/a path/")
        if path.is_file():
            send(it, 200, gzip.compress(path.read_bytes()), Content_Encoding="gzip")
        else:
            send(it, 404)

    def under(it: BaseHTTPRequestHandler) -> None:
        assert it.path.startswith("/under/a%20path/")
        it.path = it.path.replace("%20", " ")
        answer(it)

    with running(answering(handler(under))) as url, HttpSource(f"{url}under/a%20path/") as source:
        assert verify_log(source, POLICY, now=NOW).head.size == 300


def test_a_server_that_ends_kept_connections_is_asked_again(tmp_path: Path) -> None:
    grown(tmp_path, 300)

    class Once(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            data = (tmp_path / self.path[1:]).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with running(answering(Once)) as url, HttpSource(url) as source:
        assert verify_log(source, POLICY, now=NOW).head.size == 300


def test_nobody_there_is_said_as_such(tmp_path: Path) -> None:
    with served(tmp_path) as url:
        pass
    with HttpSource(url) as source, pytest.raises(LogUnreached, match="refused"):
        audit.read_head(source, POLICY, NOW)


@pytest.mark.parametrize(
    "url", ["ftp://a/", "https://", "http://a:port/", "https://a/?q", "https://u@a/", "https://a/#f", "https://a b/", "http://[/"]
)
def test_addresses_that_are_none_are_refused_before_anything_is_asked(url: str) -> None:
    with pytest.raises(UsageError):
        HttpSource(url)


def test_a_bundle_of_too_many_entries_is_refused_before_they_are_hashed() -> None:
    with pytest.raises(EvidenceInvalid, match="too many"):
        log_tiles.split_bundle(bytes(2 * 257))
    assert len(log_tiles.split_bundle(bytes(2 * 256))) == 256


def test_a_fork_and_a_rollback_are_found_by_whoever_kept_a_head(tmp_path: Path) -> None:
    grown(tmp_path / "log", 300)
    (size, root), *_ = known(tmp_path / "log", 300)
    grown(tmp_path / "fork", 400, fork_at=299)
    shutil.copytree(tmp_path / "log", tmp_path / "longer")
    grown(tmp_path / "longer", 400)
    grown(tmp_path / "short", 299)
    with served(tmp_path / "longer") as url, HttpSource(url) as source:
        assert verify_growth(source, POLICY, [(size, root)], now=NOW)[0].known == 1
    for folder, said in (("fork", "fork"), ("short", "shorter")):
        with served(tmp_path / folder) as url, HttpSource(url) as source, pytest.raises(EvidenceInvalid, match=said):
            verify_growth(source, POLICY, [(size, root)], now=NOW)
    with served(tmp_path / "fork") as url, HttpSource(url) as source:
        assert verify_growth(source, replace(POLICY), (), now=NOW)[0].head.size == 400, "without anything kept a fork cannot be told"
