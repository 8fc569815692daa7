"""An evidence pack holds everything of its time and nothing about anybody, and one that hides a receipt is caught by counting."""

from __future__ import annotations

import json
import random
import re
import zipfile
from pathlib import Path

import pytest

from expunge.cli.terminal.evidence_files import read_pack
from expunge.core.values import canonical
from expunge.core.verification import evidence_pack, receipt_verify
from expunge.errors import EvidenceInvalid
from tests.cli.running import expunge as command
from tests.engine.household import ANNA, BELA, CARA, Household, build, strings_of
from tests.engine.reports.packs import FIRST, NEW_YEAR, SECOND, check, erase, packed, rows, signed_again, without


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Household:
    """Three people of two orders were erased, a year apart."""
    made = build(tmp_path_factory.mktemp("packs") / "home")
    erase(made, FIRST, f"profile:{ANNA}", f"profile:{BELA}")
    erase(made, SECOND, f"profile:{CARA}")
    return made


@pytest.fixture(scope="module")
def whole(home: Household, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return packed(home, tmp_path_factory.mktemp("whole") / "evidence.zip")


def folders(files: dict[str, bytes]) -> list[str]:
    return sorted({name.rpartition("/")[0] for name in files if name.startswith("receipts/")})


@pytest.mark.duty("AMZ-22", "RNG-33")
def test_a_pack_holds_every_receipt_with_its_proof_and_verifies_without_any_state(home: Household, whole: dict[str, bytes]) -> None:
    found = check(whole)
    assert (found.receipts, found.manifest.log.first, found.manifest.log.past) == (3, 0, 3)
    for folder in folders(whole):
        alone = {name.rpartition("/")[2]: data for name, data in whole.items() if name.startswith(f"{folder}/")}
        assert receipt_verify.verify(alone, whole["trust-policy.txt"]).trusted
    page = whole["index.html"].decode()
    assert "http" not in page.replace("Content-Security-Policy", "").replace("http-equiv", "")
    for name in ("lists/requests.html", "policy/retention.html", *(f"{folder}/receipt.html" for folder in folders(whole))):
        assert name in page
        assert name in whole


@pytest.mark.duty("AMZ-21", "RNG-32")
def test_requests_answers_and_actions_are_listed_after_the_order_s_key_is_gone_and_name_nobody(
    home: Household, whole: dict[str, bytes]
) -> None:
    with home.open() as expunge:
        runs = expunge.orders()
        assert all(run.key_destroyed for run in runs)
    assert [(each["order"], each["people"]) for each in rows(whole, "requests")] == [(run.order, len(run.subjects)) for run in runs]
    receipts = [each for each in rows(whole, "answers") if each["what"] == "receipt"]
    assert [(each["verdict"], each["entry"]) for each in receipts] == [("fulfilled", 0), ("fulfilled", 1), ("fulfilled", 2)]
    assert {each["receipt"] for each in receipts} == set(folders(whole))
    actions = rows(whole, "actions")
    assert {each["what"] for each in actions} >= {"fenced", "planned", "round started", "step", "key destroyed"}
    assert "voice: 4 erased" in {said for each in actions for said in each.get("outcomes", ())}
    assert {each["what"] for each in rows(whole, "deadlines")} == {"kept"}
    whose = [each for person in (ANNA, BELA, CARA) for each in strings_of(person)]
    subjects = [subject for run in runs for subject in run.subjects]
    everything = b"\n".join([*whole.values(), *(name.encode() for name in whole)])
    assert [each for each in (*whose, *subjects) if each.encode() in everything] == []


def test_a_changed_byte_a_dropped_file_and_one_that_was_put_in_are_named(whole: dict[str, bytes]) -> None:
    for name in sorted(whole):
        if name.startswith(("receipts/", "policy/")) and not name.startswith(folders(whole)[0]):
            continue
        changed = {**whole, name: whole[name][:-1] + bytes([whole[name][-1] ^ 1])}
        with pytest.raises(EvidenceInvalid) as refused:
            check(changed)
        assert name in refused.value.message or name in ("signer.pem", "trust-policy.txt", "manifest.sig"), name
        with pytest.raises(EvidenceInvalid, match=f"{name} (is )?missing|{name}.* missing"):
            check(without(whole, name))
    with pytest.raises(EvidenceInvalid, match=r"extra\.txt is not named"):
        check({**whole, "extra.txt": b""})


@pytest.mark.soak
def test_a_bit_that_is_turned_anywhere_in_the_zip_is_refused_or_changes_nothing(home: Household, tmp_path: Path) -> None:
    whole = packed(home, tmp_path / "whole.zip")
    chance, raw = random.Random(3), (tmp_path / "whole.zip").read_bytes()
    central = raw.rindex(b"PK\x01\x02")
    for at in (*(chance.randrange(len(raw)) for _ in range(300)), *range(central, central + 40)):
        turned = bytearray(raw)
        turned[at] ^= 1 << chance.randrange(8)
        (tmp_path / "turned.zip").write_bytes(turned)
        try:
            found = dict(read_pack(tmp_path / "turned.zip"))
            check(found)
        except EvidenceInvalid:
            continue
        assert found == whole, at


def _damaged(path: Path, method: int) -> Path:
    """A zip that has a manifest, of which a byte within the packed content was changed."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr(evidence_pack.MANIFEST, random.Random(3).randbytes(400))
    data = bytearray(path.read_bytes())
    for at in range(60, 90):
        data[at] ^= 0xFF
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_is_damaged_is_refused_however_it_was_packed(tmp_path: Path, method: int) -> None:
    with pytest.raises(EvidenceInvalid, match="cannot be unpacked"):
        dict(read_pack(_damaged(tmp_path / "pack.zip", method)))


@pytest.mark.duty("AMZ-22", "RNG-33")
def test_a_receipt_that_is_left_out_is_named_though_the_company_signs_the_rest_anew(home: Household, whole: dict[str, bytes]) -> None:
    gone = folders(whole)[1]
    hollow = signed_again(home, without(whole, f"{gone}/"))
    with pytest.raises(EvidenceInvalid, match=r"entry [012] of the log has no receipt and no record in the pack"):
        check(hollow)
    entries = json.loads(whole["log/entries.json"])
    fewer = {**whole, "log/entries.json": json.dumps(entries[:2], separators=(",", ":"), sort_keys=True).encode()}
    last = entries[2]["folder"]
    with pytest.raises(EvidenceInvalid, match="entry 2 of the log is missing"):
        check(signed_again(home, without(fewer, f"{last}/")))
    with pytest.raises(EvidenceInvalid, match="ends before entry 2 of the log"):
        check(signed_again(home, without(fewer, f"{last}/"), past=2))
    fewer["log/entries.json"] = json.dumps(entries[1:], separators=(",", ":"), sort_keys=True).encode()
    with pytest.raises(EvidenceInvalid, match="begins with entry 1 of the log"):
        check(signed_again(home, without(fewer, f"{entries[0]['folder']}/"), first=1))


def test_a_receipt_of_another_order_cannot_stand_for_the_one_that_is_missing(home: Household, whole: dict[str, bytes]) -> None:
    one, other = folders(whole)[:2]
    there = {name: data for name, data in whole.items() if name.startswith(f"{one}/")}
    swapped = {**whole, **{name.replace(one, other): data for name, data in there.items()}}
    with pytest.raises(EvidenceInvalid, match=f"{other} is not what was entered in the log"):
        check(signed_again(home, swapped))


def test_a_list_that_says_of_a_receipt_what_it_does_not_say_is_named(home: Household, whole: dict[str, bytes]) -> None:
    path = "lists/answers.json"
    for wrong in (b'"verdict":"in part"', b'"verdict":"fulfilled in full"'):
        told = {**whole, path: whole[path].replace(b'"verdict":"fulfilled"', wrong, 1)}
        with pytest.raises(EvidenceInvalid, match=r"lists/answers\.json says of receipts/.* what no receipt of the pack says"):
            check(signed_again(home, told))


@pytest.mark.duty("AMZ-22")
def test_a_pack_of_a_time_has_its_own_receipts_and_shows_that_the_next_ones_lie_outside(home: Household, tmp_path: Path) -> None:
    early = packed(home, tmp_path / "early.zip", end=NEW_YEAR)
    assert (check(early).receipts, len(rows(early, "requests"))) == (2, 1)
    assert "beside/2/receipt.dsse.json" in early
    late = packed(home, tmp_path / "late.zip", start=NEW_YEAR)
    assert (check(late).receipts, len(rows(late, "requests"))) == (1, 1)
    assert "beside/1/receipt.dsse.json" in late
    # Who moves the edge leaves out a receipt of the time: what lies next to it tells.
    entries = [
        {**each, "folder": f"beside/{each['index']}"} if each["index"] == 1 else each for each in json.loads(early["log/entries.json"])
    ]
    moved = {"beside/1/" + name.rpartition("/")[2]: data for name, data in early.items() if name.startswith(f"{_of(early, 1)}/")}
    narrow = without(early, f"{_of(early, 1)}/", "beside/2/") | moved
    narrow["log/entries.json"] = json.dumps(entries[:2], separators=(",", ":"), sort_keys=True).encode()
    with pytest.raises(EvidenceInvalid, match="entry 1 of the log belongs to the period and is left out"):
        check(signed_again(home, narrow, past=1))
    empty = packed(home, tmp_path / "empty.zip", start=NEW_YEAR, end=NEW_YEAR.replace(month=2))
    assert (check(empty).receipts, rows(empty, "requests")) == (0, [])


def _of(files: dict[str, bytes], index: int) -> str:
    return str(next(each["folder"] for each in json.loads(files["log/entries.json"]) if each["index"] == index))


def test_the_commands_pack_and_verify_and_name_what_is_wrong(home: Household, tmp_path: Path) -> None:
    target = tmp_path / "evidence.zip"
    made = command("evidence", "pack", "--out", target, "--for", "the Commission", "--map", home.map, "--json")
    assert (made.code, made.json["receipts"], made.json["for"]) == (0, 3, "the Commission"), made.err
    said = command("evidence", "verify", target)
    assert (said.code, "3 receipts" in said.out, "keys that you got elsewhere" in said.out) == (0, True, True), said.err
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path / "unpacked")
    trust = tmp_path / "unpacked" / "trust-policy.txt"
    assert command("evidence", "verify", tmp_path / "unpacked", "--trust", trust, "--json").json["trusted"]
    page = tmp_path / "unpacked" / "lists" / "answers.json"
    page.write_text(page.read_text().replace("fulfilled", "forgotten"))
    refused = command("evidence", "verify", tmp_path / "unpacked")
    assert (refused.code, "lists/answers.json was changed" in refused.err) == (6, True), refused.err
    assert command("evidence", "pack", "--out", target, "--map", home.map).code == 2
    assert command("evidence", "pack", "--out", tmp_path / "x.zip", "--from", "soon", "--map", home.map).code == 2


def test_a_folder_that_is_no_pack_is_refused_before_anything_else_in_it_is_looked_at(whole: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "link").symlink_to("/")
    refused = command("evidence", "verify", tmp_path)
    assert (refused.code, "the evidence pack has no manifest.json" in refused.err) == (6, True), refused.err
    (tmp_path / "manifest.json").write_bytes(whole["manifest.json"])
    refused = command("evidence", "verify", tmp_path)
    assert (refused.code, "no plain file" in refused.err) == (6, True), refused.err
    (tmp_path / "photos" / "link").unlink()
    for number in range(200):
        (tmp_path / "photos" / f"{number}.jpg").touch()
    refused = command("evidence", "verify", tmp_path)
    assert (refused.code, "more than 100 files that are not of the evidence pack" in " ".join(refused.err.split())) == (6, True), (
        refused.err
    )


def test_a_pack_of_an_earlier_form_still_verifies_and_lacks_no_list_of_its_own(home: Household, whole: dict[str, bytes]) -> None:
    """The form before the lists of views, openings and incidents."""
    (schema, newer) = next(iter(evidence_pack.EARLIER.items()))
    earlier = without(whole, *(f"lists/{kind.value}." for kind in newer))
    for kind in newer:
        line = rf'<li><a href="lists/{kind.value}\.html">.*</li>\n'
        earlier["index.html"] = re.sub(line.encode(), b"", earlier["index.html"])
    manifest = json.loads(whole["manifest.json"])
    manifest |= {"schema": schema, "lists": {name: rows for name, rows in manifest["lists"].items() if name not in newer}}
    signed = signed_again(home, {**earlier, "manifest.json": canonical.encode(manifest)})
    assert check(signed).receipts == 3
    with pytest.raises(EvidenceInvalid, match="lists/consents"):
        check(signed_again(home, without(signed, "lists/consents.")))
    for other in ("expunge.evidence/2", "expunge.evidence/9"):
        with pytest.raises(EvidenceInvalid):
            check(signed_again(home, {**signed, "manifest.json": canonical.encode({**manifest, "schema": other})}))
