"""Hashes of identifiers are traced as bytes, and met in every form that bytes have. The literals come from coreutils and OpenSSL."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from expunge.core.evidence.traces import IDENTIFIERS
from tests.residue.planting import MARY, look, traces_of

SHA256 = "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"
SHA256_BASE64 = "lz3+Rj7IV4X1+Vr1ujkG7tstkxwk5pgkqJ6mXbpOgTs="
MD5, MD5_BASE64 = "55502f40dc8b7c769880b10874abc9d0", "VVAvQNyLfHaYgLEIdKvJ0A=="
OTHERS = "2f9fbc550b12cbc0e6242384cc472bd1e4f058a8b773f189f7acb86d202655ce"
WAYS = {
    "bytes": (bytes.fromhex(SHA256), bytes.fromhex(MD5)),
    "hex": (SHA256.encode(), MD5.encode()),
    "capitals": (SHA256.upper().encode(), MD5.upper().encode()),
    "base64": (SHA256_BASE64.encode(), MD5_BASE64.encode()),
    "base64url": (SHA256_BASE64.replace("+", "-").rstrip("=").encode(), MD5_BASE64.encode()),
    "gzip": (gzip.compress(SHA256.encode()), gzip.compress(MD5.encode())),
    "utf-16": (SHA256.encode("utf-16-le"), MD5.encode("utf-16-le")),
}


def _seen(folder: Path, hashed: str, content: bytes, budget: int) -> bool:
    (folder / "f").write_bytes(b"user,\n" + content + b",autumn\n")
    traces = traces_of(lambda tracer: tracer.blob(MARY, IDENTIFIERS, "mail as sha256", io.BytesIO(bytes.fromhex(hashed))), budget=budget)
    return bool(look(folder, traces).found)


@pytest.mark.parametrize("budget", [1, 100])
@pytest.mark.parametrize("way", WAYS)
def test_a_hash_is_met_in_every_form_of_bytes(tmp_path: Path, way: str, budget: int) -> None:
    assert _seen(tmp_path, SHA256, WAYS[way][0], budget)
    assert _seen(tmp_path, MD5, WAYS[way][1], budget)


@pytest.mark.parametrize("budget", [1, 100])
@pytest.mark.parametrize("around", ['"%s"', "<%s>", " %s ", "x=%s;"])
def test_the_shortest_one_is_met_without_its_padding(tmp_path: Path, around: str, budget: int) -> None:
    assert _seen(tmp_path, MD5, (around % MD5_BASE64.rstrip("=")).encode(), budget)


@pytest.mark.parametrize("budget", [1, 100])
def test_hashes_of_others_are_not_met(tmp_path: Path, budget: int) -> None:
    for content in (OTHERS.encode(), bytes.fromhex(OTHERS), SHA256[:31].encode(), bytes.fromhex(SHA256)[:8]):
        assert not _seen(tmp_path, SHA256, content, budget)
