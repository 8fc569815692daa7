"""What content says in another form: text and packed text, in one another; keys, digests and ordinary text say nothing more."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
import uuid
import zlib

import pytest

from expunge.core.values.ids import Pseudonym
from expunge.residue.take.said_content import of_bytes, of_text
from expunge.residue.take.tracer import Collector

SAID = "a walnut for the marmalade, and a blanket for the lighthouse"
SAYING = {
    "base64": base64.b64encode(SAID.encode()).decode(),
    "base64 of an address": "https://shop.example/?q=" + base64.urlsafe_b64encode(SAID.encode()).decode(),
    "short base64": base64.b64encode(b"Amsterdam").decode(),
    "base32": base64.b32encode(SAID.encode()).decode(),
    "Ascii85": base64.a85encode(SAID.encode() * 2).decode(),
    "hexadecimal": SAID.encode().hex(),
    "hexadecimal of a server": "\\x" + SAID.encode().hex(),
    "zlib in base64": base64.b64encode(zlib.compress(SAID.encode())).decode(),
    "gzip of escapes in base64": base64.b64encode(gzip.compress("".join(f"\\u{ord(each):04x}" for each in SAID).encode())).decode(),
    "lines": base64.encodebytes(SAID.encode() * 3).decode(),
    "entity": f"<p>{SAID} &amp; more",
}
SILENT = {
    "sentence": SAID,
    "id": "cus-an7Q2M9K4T",
    "UUID": str(uuid.UUID(int=random.Random(1).getrandbits(128))),
    "digest": hashlib.sha256(b"x").hexdigest(),
    "token": base64.urlsafe_b64encode(hashlib.sha256(b"x").digest()).decode(),
    "address": "https://shop.example/profile?who=42&from=mail&page=17",
    "path": "/var/lib/app/uploads/2026/05/17/IMG_20260517_081500.jpg",
    "moment": "2026-05-17T08:15:00.123456+02:00",
    "document": json.dumps({"n": 7, "kind": "note", "tags": ["a", "b"], "at": "2026-05-17"}),
    "word": "internationalization",
}


@pytest.mark.parametrize("form", SAYING)
def test_what_a_text_says_in_another_form_is_told(form: str) -> None:
    wanted = "Amsterdam" if "short" in form else SAID
    assert any(wanted in said.decode("utf-8", "replace") for said in of_text(SAYING[form]))


@pytest.mark.parametrize("kind", SILENT)
def test_ordinary_values_say_nothing_more(kind: str) -> None:
    assert list(of_text(SILENT[kind])) == []


def test_a_picture_in_base64_is_told_as_bytes_and_a_digest_is_not() -> None:
    noise = random.Random(3).randbytes(400)
    assert list(of_text(base64.b64encode(noise).decode())) == [noise]
    assert list(of_text(noise[:32].hex())) == []
    assert list(of_bytes(noise)) == []


def test_packed_text_is_told_and_what_is_damaged_as_far_as_it_can_be_read() -> None:
    packed = gzip.compress(SAID.encode() * 40)
    assert list(of_bytes(packed)) == [SAID.encode() * 40]
    assert SAID.encode() in b"".join(of_bytes(packed[:-9]))


@pytest.mark.parametrize("budget", [1, 8, 1024])
def test_windows_are_taken_of_both_however_many_people_an_order_is_for(budget: int) -> None:
    plain, coded = (Collector(bytes(32), budget) for _ in range(2))
    plain.text(Pseudonym("p"), "letters", "body", SAID)
    coded.text(Pseudonym("p"), "letters", "body", SAYING["base64"])
    wanted = {each.digest for each in plain.traces().traces if each.form == "utf-8"}
    found = {each.digest for each in coded.traces().traces}
    assert wanted & found
    assert found - {each.digest for each in plain.traces().traces}
