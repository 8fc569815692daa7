"""The check of an uploaded receipt: whose key it was, the short code, and zips that strangers made."""

from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile
from hashlib import sha256

import pytest

from expunge.core.log import dsse
from expunge.core.values.signature import key_id
from expunge.core.verification import receipt_folder
from expunge.core.verification.receipt_check import CheckedExtent, CheckedReceipt, KeySource, check
from expunge.errors import EvidenceInvalid
from expunge.web.site.receipts.uploads import HOW_TO, MOST_FILES, MOST_UNPACKED, MOST_UPLOAD, SPANISH_PAGE, read_text, read_upload
from tests.evidence_kit import SeededKeys, at, fulfilled, issue

GOOD = issue(fulfilled())
STATEMENT = dsse.parse(GOOD[receipt_folder.ENVELOPE]).payload
PUBLISHED = SeededKeys().policy().encode()
OTHERS = SeededKeys("another company").policy().encode()


def zipped(files: dict[str, bytes], folder: str = "", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(folder + name, data)
    return out.getvalue()


def checked(data: bytes, published: bytes | None = PUBLISHED) -> CheckedReceipt:
    return check(read_upload([("receipt.zip", data)]), published, at(12))


def refused(data: bytes) -> str:
    with pytest.raises(EvidenceInvalid) as caught:
        checked(data)
    return f"{caught.value.message} {caught.value.help}"


@pytest.mark.parametrize("folder", ["", "receipt-1/", "a/b/"])
def test_a_zip_of_the_folder_holds_by_the_published_key(folder: str) -> None:
    found = checked(zipped(GOOD | {"export.zip": b"x", "before.json": b"{}"}, folder))
    assert (found.extent, found.key) == (CheckedExtent.FOLDER, KeySource.PUBLISHED)
    assert found.verified is not None
    assert found.verified.trusted


def test_a_download_of_ours_is_taken_as_it_is() -> None:
    beside = {HOW_TO: b"how", SPANISH_PAGE: b"<p>"}
    found = checked(zipped({f"receipt-ord-a/{name}": data for name, data in GOOD.items()} | beside))
    assert found.key is KeySource.PUBLISHED


def test_the_files_of_the_folder_do_as_well() -> None:
    found = check(read_upload([(f"folder/{name}", data) for name, data in GOOD.items()]), PUBLISHED, at(12))
    assert found.key is KeySource.PUBLISHED


def test_a_receipt_by_a_key_that_the_company_does_not_publish_is_not_the_companys() -> None:
    forger = SeededKeys("forger")
    lie = fulfilled(signer=key_id(forger.signer_public()), policy_digest=sha256(forger.policy().encode()).hexdigest())
    found = checked(zipped(issue(lie, forger)))
    assert found.key is KeySource.OTHER
    assert "not one that the trust policy names" in found.unpublished
    assert found.verified is not None
    assert not found.verified.trusted


def test_without_published_keys_it_says_that_the_key_came_along() -> None:
    assert checked(zipped(GOOD), None).key is KeySource.CAME_ALONG


def test_a_changed_statement_is_refused_whatever_keys_are_known() -> None:
    changed = dict(GOOD) | {receipt_folder.ENVELOPE: GOOD[receipt_folder.ENVELOPE].replace(b'"sig":"', b'"sig":"A', 1)}
    assert receipt_folder.ENVELOPE in refused(zipped(changed))


def test_an_envelope_alone_is_signed_and_in_no_log() -> None:
    pasted = read_text(GOOD[receipt_folder.ENVELOPE].decode())
    found = check(pasted, PUBLISHED, at(12))
    assert (found.extent, found.key, found.verified) == (CheckedExtent.ENVELOPE, KeySource.PUBLISHED, None)
    assert check(pasted, None, at(12)).key is KeySource.NONE
    assert check(pasted, OTHERS, at(12)).key is KeySource.NONE


def test_an_envelope_whose_signature_is_another_is_refused() -> None:
    envelope = dsse.parse(GOOD[receipt_folder.ENVELOPE])
    forged = dsse.Envelope(envelope.payload, bytes(64), envelope.keyid).encode()
    with pytest.raises(EvidenceInvalid):
        check(read_text(forged.decode()), PUBLISHED, at(12))


def test_a_statement_alone_proves_nothing_but_has_its_code() -> None:
    found = check(read_text(STATEMENT.decode()), PUBLISHED, at(12))
    assert (found.extent, found.key) == (CheckedExtent.STATEMENT, KeySource.NONE)
    assert found.code == checked(zipped(GOOD)).code


def test_the_code_is_compared_as_people_type_it() -> None:
    found = checked(zipped(GOOD))
    assert found.same_code(f" {found.code.lower().replace('-', ' ')} ")
    assert not found.same_code("")
    assert not found.same_code(found.code[:-1])


def test_a_bomb_is_refused_before_it_is_unpacked_whole() -> None:
    bomb = zipped(GOOD | {receipt_folder.BUNDLE: bytes(40 * MOST_UNPACKED)})
    assert len(bomb) < MOST_UPLOAD
    tracemalloc.start()
    try:
        assert "unpacks to more" in refused(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 * MOST_UNPACKED
    finally:
        tracemalloc.stop()


def test_a_zip_that_lies_about_its_sizes_is_read_no_further() -> None:
    data = bytearray(zipped({receipt_folder.ENVELOPE: bytes(2**20)}))
    at_ = data.index(b"PK\x01\x02") + 24
    data[at_ : at_ + 4] = struct.pack("<I", 10)
    assert refused(bytes(data))


def test_hostile_zips_are_refused() -> None:
    linked = zipfile.ZipInfo(receipt_folder.PAGE)
    linked.external_attr = (stat.S_IFLNK | 0o777) << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(linked, "/etc/passwd")
    assert "not enough" in refused(out.getvalue())
    assert "no receipt has" in refused(zipped(GOOD | {"run.exe": b""}))
    assert "several folders" in refused(zipped(GOOD | {"../receipt.sig": b""}))
    assert "several folders" in refused(zipped({f"{index}/{name}": data for index in (1, 2) for name, data in GOOD.items()}))
    assert "packed in a way" in refused(zipped(GOOD, method=zipfile.ZIP_LZMA))
    assert "no file, or more" in refused(zipped({f"{index}": b"" for index in range(MOST_FILES + 1)}))
    assert "no file, or more" in refused(zipped({}))
    assert "cannot be read" in refused(zipped(GOOD)[:-40])
    locked = bytearray(zipped(GOOD))
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refused(bytes(locked))


def test_two_files_of_one_name_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(receipt_folder.PAGE, b"one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(receipt_folder.PAGE, b"two")
    assert "one name" in refused(out.getvalue())


def test_what_is_too_large_or_empty_is_refused() -> None:
    for parts in ([], [("receipt.zip", bytes(MOST_UPLOAD + 1))], [(f"{index}", b"") for index in range(MOST_FILES + 1)]):
        with pytest.raises(EvidenceInvalid):
            read_upload(parts)
    for text in ("", "x" * (MOST_UPLOAD + 1)):
        with pytest.raises(EvidenceInvalid):
            read_text(text)
