"""Whole orders over real stores: what must go goes, what must stay stays, and nothing reads as done that is not."""

from __future__ import annotations

import gzip
import hashlib
import sqlite3
from datetime import timedelta

import pytest

from expunge import clock
from expunge.core.datamap.artefact import DataKind
from expunge.core.evidence.receipt import CopiesOutside, IssuingCompany, Result, Verdict
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_verify
from expunge.errors import Busy, Drift, IllegalTransition, NotResolved, UsageError
from expunge.gate import Subject
from expunge.testing.forked import in_child
from tests import exports
from tests.engine.household import ANNA, BELA, CARA, DINO, PEOPLE, SAID, Erased, Household, difference, strings_of, wav


def entries(home: Household, order: str, number: int = 1) -> dict[str, Result]:
    with home.open() as opened:
        files = opened.receipt_folder(order, number)  # type: ignore[arg-type]
    made = receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt
    return {each.dataset: each.outcome for each in made.datasets}


@pytest.mark.duty("AMZ-04", "AMZ-05", "FAIL-01")
def test_one_child_goes_and_nothing_of_them_is_left_anywhere(home: Household) -> None:
    assert home.search(*strings_of(ANNA), where=("world",))
    before = home.logical()
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.FULFILLED
    assert home.search(*strings_of(ANNA)) == []
    gone = difference(before, home.logical())
    assert gone
    assert all(any(each in name for each in (*strings_of(ANNA), "rec-both-north-K2")) for name in gone), "somebody else's data changed"


def test_a_receipt_says_who_gives_it_and_what_each_dataset_held(home: Household) -> None:
    outside = "nightly copies, overwritten after 35 days"
    home.map.write_text(home.map.read_text().replace("url: ./world/media}", f'url: ./world/media, outside: ["{outside}"]}}', 1))
    order = home.erase(f"profile:{ANNA}").order
    with home.open() as opened:
        files = opened.receipt_folder(order)
    receipt = receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt
    assert receipt.issuer == IssuingCompany("Night Owl", "privacy@nightowl.example", "")
    held = {each.dataset: each.holds for each in receipt.datasets}
    assert (held["transcripts"], held["voice"]) == (DataKind.TRANSCRIPT, DataKind.RECORD)
    assert receipt.outside == (CopiesOutside("media", outside),)
    assert f"media: {outside}" in receipt.out_of_scope


def test_the_household_stays_when_one_child_goes(erased: Erased) -> None:
    home = erased.home
    with sqlite3.connect(home.database) as db:
        assert db.execute("SELECT count(*) FROM accounts WHERE account_id = ?", (PEOPLE[ANNA],)).fetchone() == (1,)
    db.close()


@pytest.mark.duty("AMZ-07")
def test_an_account_goes_with_every_profile_in_it(home: Household) -> None:
    run = home.erase("email:acc-south-82LM@example.org")
    assert run.state is OrderState.FULFILLED
    assert home.search(*strings_of(CARA), *strings_of(DINO), "acc-south-82LM") == []
    assert home.search(*strings_of(ANNA), where=("world",))


def test_several_people_in_one_order_each_get_a_receipt_and_a_leaf(home: Household) -> None:
    run = home.erase(f"profile:{ANNA}", f"profile:{CARA}")
    assert run.state is OrderState.FULFILLED
    assert [index for _, _, index in run.history] == [0, 1]
    assert home.search(*strings_of(ANNA), *strings_of(CARA)) == []
    assert entries(home, run.order, 2)["voice"] is Result.ERASED


def test_somebody_of_whom_nothing_is_held_gets_a_receipt_that_says_so(home: Household) -> None:
    run = home.erase("profile:prf-nobody-000000")
    assert run.state is OrderState.FULFILLED
    assert set(entries(home, run.order).values()) == {Result.ABSENT}


def test_an_unknown_name_without_a_kind_is_refused(home: Household) -> None:
    with home.open() as opened, pytest.raises(NotResolved):
        opened.resolve("prf-nobody-000000")


def test_each_of_many_names_means_what_it_means_alone(home: Household) -> None:
    names = [f"profile:{ANNA}", CARA, "account:acc-north-51XK", "profile:prf-nobody-000000", f"profile:{ANNA}"]
    with home.open() as opened:
        for whole in (False, True):
            assert opened.resolve_all(names, whole=whole) == [opened.resolve(name, whole=whole) for name in names]


def test_an_email_of_two_accounts_means_nobody_until_one_is_chosen(home: Household) -> None:
    with sqlite3.connect(home.database) as db:
        db.execute("UPDATE accounts SET email = 'both@example.org'")
    db.close()
    with home.open() as opened:
        with pytest.raises(NotResolved, match="2 different people"):
            opened.resolve("email:both@example.org")
        assert len(opened.candidates("email:both@example.org")) == 2
        assert opened.resolve("account:acc-north-51XK").known


def test_a_copy_that_nobody_declared_keeps_the_order_from_reading_as_done(home: Household) -> None:
    (home.world / "media" / "debug").mkdir()
    (home.world / "media" / "debug" / "asr.csv.gz").write_bytes(gzip.compress(f"x,{SAID[ANNA][0]}\n".encode()))
    with home.open() as opened:
        assert any("debug" in each.where for each in opened.check())
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert "elsewhere in media: residue found" in run.reasons
    with home.open() as opened:
        assert any("asr.csv.gz" in place.path for place in opened.residue(run.order))
    (home.world / "media" / "debug" / "asr.csv.gz").unlink()
    assert home.apply(run.order).state is OrderState.FULFILLED


def test_a_childs_id_inside_the_households_record_is_the_childs(home: Household) -> None:
    with sqlite3.connect(home.database) as db:
        db.execute("UPDATE accounts SET closed_at = ? WHERE account_id = ?", (f'{{"children": ["{ANNA}"]}}', PEOPLE[ANNA]))
    db.close()
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert "profiles: residue found" in run.reasons


def test_words_that_others_said_as_well_are_no_evidence_and_no_obstacle(home: Household) -> None:
    with sqlite3.connect(home.database) as db:
        db.execute("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", ("rec-bela-0-X7", SAID[ANNA][0]))
    db.close()
    assert home.erase(f"profile:{ANNA}").state is OrderState.FULFILLED


def test_a_hold_keeps_the_named_items_alone_and_ends(home: Household) -> None:
    key = f"voice/{ANNA}/rec-anna-0-X7.wav"
    with home.open() as opened:
        subject = opened.resolve(f"profile:{ANNA}")
        hold = opened.holds.place(
            subject, "voice", ground="matter 7", authority="district court", until=clock.now() + timedelta(days=30), items=[key]
        )
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert (home.world / "media" / key).exists()
    assert not (home.world / "media" / key.replace("-0-", "-1-")).exists()
    with home.open() as opened:
        receipt = receipt_verify.verify(opened.receipt_folder(run.order), None, at=None).receipt
        assert [(each.dataset, each.ground, each.items) for each in receipt.kept] == [("voice", "matter 7", 1)]
        assert receipt.verdict is Verdict.IN_PART
        opened.holds.end(hold.id, "matter closed")
    assert home.apply(run.order).state is OrderState.FULFILLED
    assert home.search(*strings_of(ANNA)) == []


def test_a_recording_shared_with_people_who_stay_is_kept_where_the_map_says_so(home: Household) -> None:
    home.write_map(shared="keep")
    run = home.erase(f"profile:{ANNA}")
    assert (home.world / "media" / "shared" / "rec-both-north-K2.wav").exists()
    assert run.state is OrderState.IN_PART
    assert run.reasons == ("shared: kept, recording shared with people who stay",)
    assert home.search(*strings_of(ANNA)) == []


def test_a_shared_recording_goes_when_everybody_in_it_goes(home: Household) -> None:
    home.write_map(shared="keep")
    run = home.erase(f"profile:{ANNA}", f"profile:{BELA}")
    assert run.state is OrderState.FULFILLED
    assert not (home.world / "media" / "shared" / "rec-both-north-K2.wav").exists()


def test_a_cancelled_order_erases_nothing_and_lets_the_fence_down(home: Household) -> None:
    before = home.logical()
    accepted = home.order(f"profile:{ANNA}")
    with home.open() as opened:
        assert not opened.gate().may_use(Subject("profile", ANNA), "training").allowed
        opened.order_cancel(accepted.order)
        assert opened.gate().may_use(Subject("profile", ANNA), "training").allowed
        with pytest.raises(IllegalTransition):
            opened.plan(accepted.order)
    assert home.logical() == before


def test_nothing_is_erased_before_the_cooling_off_time_is_over(home: Household) -> None:
    accepted = home.order(f"profile:{ANNA}", cooling_off=timedelta(days=3))
    home.plan(accepted.order)
    with pytest.raises(IllegalTransition, match="cooling-off"):
        home.apply(accepted.order)
    assert home.search(ANNA, where=("world",))


def test_an_order_without_a_plan_is_not_applied(home: Household) -> None:
    accepted = home.order(f"profile:{ANNA}")
    with pytest.raises(IllegalTransition, match="no plan"):
        home.apply(accepted.order)


def test_a_plan_that_the_world_has_overtaken_is_not_applied(home: Household) -> None:
    accepted = home.order(f"profile:{ANNA}")
    saved = home.plan(accepted.order)
    home.write_map(shared="keep")
    with home.open() as opened, pytest.raises(Drift, match="data map was edited"):
        opened.apply(accepted.order, saved=saved)


def test_a_saved_plan_that_was_replaced_is_not_applied(home: Household) -> None:
    accepted = home.order(f"profile:{ANNA}")
    saved = home.plan(accepted.order)
    home.write_map(shared="keep")
    home.plan(accepted.order)
    with home.open() as opened, pytest.raises(Drift, match="not the order's current plan"):
        opened.apply(accepted.order, saved=saved)


def test_a_second_order_for_the_same_person_works_also_when_data_came_back(erased: Erased) -> None:
    home = erased.home
    assert home.erase(f"profile:{ANNA}").state is OrderState.FULFILLED
    bring_back(home)
    assert home.erase(f"profile:{ANNA}").state is OrderState.FULFILLED
    assert home.search(*strings_of(ANNA)) == []


def bring_back(home: Household) -> None:
    with sqlite3.connect(home.database) as db:
        db.execute("INSERT INTO profiles VALUES (?, ?, NULL)", (ANNA, PEOPLE[ANNA]))
    db.close()
    (home.world / "media" / "voice" / ANNA).mkdir()
    (home.world / "media" / "voice" / ANNA / "rec-anna-0-X7.wav").write_bytes(wav(f"{ANNA}0"))


@pytest.mark.duty("FAIL-03")
def test_a_sweep_finds_what_came_back_and_the_follow_up_erases_it_again(home: Household) -> None:
    first = home.erase(f"profile:{ANNA}")
    with home.open() as opened:
        assert opened.sweep().came_back == ()
    bring_back(home)
    with home.open() as opened:
        (back,) = opened.sweep().came_back
        assert set(back.datasets) == {"profiles", "voice"}
        assert opened.status(first.order).state is OrderState.REOPENED
        assert opened.sweep().came_back == (), "one follow-up is enough"
    home.plan(back.followed_by)
    assert home.apply(back.followed_by).state is OrderState.FULFILLED
    assert home.search(*strings_of(ANNA)) == []


def test_a_later_look_with_the_kept_traces_finds_what_came_back(erased: Erased) -> None:
    home, run = erased
    with home.open() as opened:
        looked = opened.verify(run.order)
        assert (looked.found, looked.failed) == (0, {})
        assert looked.usable > 0
    (home.world / "media" / "left.bin").write_bytes(b"...." + SAID[ANNA][1].encode("utf-16-le") + b"....")
    with home.open() as opened:
        looked = opened.verify(run.order)
        assert looked.found > 0
        assert any(each.path.name == "left.bin" for each in looked.places)


def test_an_open_reader_is_said_and_the_order_is_finished_when_it_has_gone(home: Household) -> None:
    accepted = home.order(f"profile:{ANNA}")
    home.plan(accepted.order)
    reader = sqlite3.connect(home.database, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM profiles").fetchone()
    run = home.apply(accepted.order)
    assert run.state is OrderState.IN_PART
    assert any("reader open" in each for each in run.reasons)
    assert home.search(*SAID[ANNA], where=("world",))
    reader.close()
    run = home.apply(accepted.order)
    assert run.state is OrderState.FULFILLED
    assert home.search(*strings_of(ANNA)) == []
    assert len(run.history) == 2, "one receipt that says in part, one that says fulfilled"


@pytest.mark.duty("TIM-04")
def test_a_corrupt_file_is_named_and_the_other_stores_go_on(home: Household) -> None:
    (home.world / "lake" / "events" / "2026-05-02.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00 this is no gzip stream")
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert "events: corrupt" in run.reasons
    assert entries(home, run.order)["voice"] is Result.ERASED
    assert home.search(*SAID[ANNA], where=("world/media", "world/app.db")) == []


def test_a_store_that_is_gone_is_said_and_never_reads_as_absent(home: Household) -> None:
    (home.world / "lake").rename(home.world / "elsewhere")
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert entries(home, run.order)["events"] is Result.UNABLE
    (home.world / "elsewhere").rename(home.world / "lake")
    assert home.apply(run.order).state is OrderState.FULFILLED
    assert home.search(*strings_of(ANNA)) == []


def test_two_applies_at_once_are_one_too_many(home: Household) -> None:
    accepted = home.order(f"profile:{ANNA}")
    home.plan(accepted.order)
    with home.open() as first, first._journal.exclusive():
        ended = in_child(lambda: busy(home, accepted.order))
    assert ended.returned() == "another process is running orders"
    assert home.apply(accepted.order).state is OrderState.FULFILLED


def busy(home: Household, order: str) -> str:
    with home.open() as opened:
        opened._journal._wait = 0.2
        with pytest.raises(Busy) as caught:
            opened.apply(order)  # type: ignore[arg-type]
        return caught.value.message


def test_an_order_names_nobody_twice_and_somebody_at_least(home: Household) -> None:
    with home.open() as opened:
        anna = opened.resolve(f"profile:{ANNA}")
        with pytest.raises(UsageError):
            opened.order_erase([anna, anna])
        with pytest.raises(UsageError):
            opened.order_erase([])


@pytest.mark.duty("COP-11")
def test_an_export_holds_what_is_held_byte_for_byte_with_hashes(home: Household) -> None:
    target = home.folder / "export"
    with home.open() as opened:
        exported = opened.export(opened.resolve(f"profile:{ANNA}"), target)
    files, listed = exports.everything(target), exports.listed(target)
    assert len(listed) == exported.items
    for item in listed:
        assert hashlib.sha256(files[item["name"]]).hexdigest() == item["sha256"]
    sound = next(each for each in files if each.endswith("rec-anna-0-X7.wav"))
    assert files[sound] == (home.world / "media" / "voice" / ANNA / "rec-anna-0-X7.wav").read_bytes()
    assert any(item.get("shared") for item in listed)
    everything = b"".join(files.values())
    assert SAID[ANNA][1].encode() in everything
    assert SAID[BELA][1].encode() not in everything


def test_what_leads_to_nobody_is_a_finding_and_no_cover_for_residue(home: Household) -> None:
    """An orphaned transcript holds the child's words; no order can reach it, and it does not make them somebody else's."""
    with sqlite3.connect(home.database) as db:
        db.execute("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", ("rec-of-nobody-any-more", SAID[ANNA][0]))
    db.close()
    with home.open() as opened:
        assert any("lead to nothing in voice" in each.what for each in opened.check())
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert any("residue found" in each for each in run.reasons)
    with sqlite3.connect(home.database) as db:
        db.execute("DELETE FROM transcripts WHERE recording_id = 'rec-of-nobody-any-more'")
    db.close()
    assert home.apply(run.order).state is OrderState.FULFILLED
    assert home.search(*strings_of(ANNA)) == []


def test_residue_of_an_ordinary_delete_goes_with_the_order_that_comes_after_it(home: Household) -> None:
    """The app deleted the child's rows before anybody asked Expunge; their bytes still lie in free pages."""
    with sqlite3.connect(home.database) as db:
        db.execute("PRAGMA secure_delete=OFF")
        db.execute("DELETE FROM transcripts WHERE recording_id LIKE 'rec-anna-%'")
        db.execute("DELETE FROM participants WHERE profile_id = ?", (ANNA,))
        db.execute("DELETE FROM profiles WHERE profile_id = ?", (ANNA,))
    db.close()
    assert home.search(*SAID[ANNA], where=("world/app.db",))
    assert home.erase(f"profile:{ANNA}").state is OrderState.FULFILLED
    assert home.search(*strings_of(ANNA)) == []


def test_a_store_where_nothing_is_to_be_erased_is_looked_at_all_the_same(home: Household) -> None:
    (home.world / "notes").mkdir()
    (home.world / "notes" / "friday.txt").write_text(f"funny: {SAID[ANNA][1]}")
    text = home.map.read_text().replace("  lake:", "  notes: {kind: files, url: ./world/notes}\n  lake:")
    home.map.write_text(text)
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert run.reasons == ("elsewhere in notes: residue found",)


def test_places_that_nobody_declared_are_named_in_the_receipt_even_when_nothing_was_found_there(home: Household) -> None:
    (home.world / "media" / "mystery.bin").write_bytes(b"nothing of anybody")
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.FULFILLED
    with home.open() as opened:
        receipt = receipt_verify.verify(opened.receipt_folder(run.order), None, at=None).receipt
    assert any("1 places inside it that no dataset of the map declares" in each for each in receipt.out_of_scope)


def test_what_the_map_ignores_is_counted_with_its_reason_and_not_named_and_the_map_has_its_digest(home: Household) -> None:
    ignored = "".join(f"  - {{store: media, path: '{path}', reason: made of noise}}\n" for path in ("mystery*", "other*"))
    home.map.write_text(f"{home.map.read_text()}\nignore:\n{ignored}")
    run = home.erase(f"profile:{ANNA}")
    with home.open() as opened:
        receipt = receipt_verify.verify(opened.receipt_folder(run.order), None, at=None).receipt
        assert receipt.map_digest == opened.context.map_digest
    assert "media: 2 names or patterns that the operator's map ignores (made of noise)" in receipt.out_of_scope
    assert not any("mystery" in each for each in receipt.out_of_scope)


def test_keys_that_are_rotated_do_not_unmake_receipts(erased: Erased) -> None:
    home, run = erased
    with home.open() as opened:
        before = opened.receipt_folder(run.order)
        opened._keys.rotate_signer()
        opened._keys.rotate_log()
    with home.open() as opened:
        assert opened.receipt_folder(run.order) == before
        receipt_verify.verify(before, before["trust-policy.txt"], at=None)
    assert home.erase(f"profile:{CARA}").state is OrderState.FULFILLED


def test_a_cascade_does_not_take_along_what_a_hold_keeps(home: Household) -> None:
    with sqlite3.connect(home.database) as db:
        db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, profile_id TEXT REFERENCES profiles ON DELETE CASCADE, note TEXT)")
        for who in (ANNA, BELA):
            db.execute("INSERT INTO notes (profile_id, note) VALUES (?, ?)", (who, f"note about {who} and her bicycle"))
    db.close()
    home.map.write_text(home.map.read_text() + "  notes: {store: app, table: notes, subject: {profile: profile_id}, retention: life}\n")
    with home.open() as opened:
        subject = opened.resolve(f"profile:{ANNA}")
        until = clock.now() + timedelta(days=30)
        hold = opened.holds.place(subject, "notes", ground="matter 7", authority="district court", until=until)
    run = home.erase(f"profile:{ANNA}", f"profile:{BELA}")
    assert run.state is OrderState.IN_PART
    with sqlite3.connect(home.database) as db:
        assert db.execute("SELECT count(*) FROM notes WHERE profile_id = ?", (ANNA,)).fetchone() == (1,), "the held row is still there"
        assert db.execute("SELECT count(*) FROM notes WHERE profile_id = ?", (BELA,)).fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM profiles WHERE profile_id = ?", (BELA,)).fetchone() == (0,)
    db.close()
    assert entries(home, run.order, 1)["profiles"] is Result.UNABLE
    assert entries(home, run.order, 2)["profiles"] is Result.ERASED
    with home.open() as opened:
        opened.holds.end(hold.id, "closed")
    assert home.apply(run.order).state is OrderState.FULFILLED
    assert home.search(*strings_of(ANNA), *strings_of(BELA)) == []


def test_a_file_that_the_scan_cannot_read_makes_it_say_cannot_tell(home: Household) -> None:
    damaged = home.world / "media" / "damaged.gz"
    whole = gzip.compress(wav("somebody else", 0.1), mtime=0)
    damaged.write_bytes(whole[:12] + b"\xff" * 40 + whole[52:])
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert "voice: cannot tell" in run.reasons
    damaged.unlink()
    assert home.apply(run.order).state is OrderState.FULFILLED
