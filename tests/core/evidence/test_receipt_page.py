"""The page of a receipt: two pages that a parent understands, then the technical annex. What is the same for many places stands once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.grounding import Grounding
from expunge.core.datamap.mentions import MentionAct
from expunge.core.evidence import receipt
from expunge.core.evidence.receipt import ReceiptReach, Result
from expunge.core.evidence.unread_places import PlaceKind, UnreadPlace
from expunge.core.pages import receipt_v6, receipt_v6_words, render
from expunge.core.values.order import OrderKind
from expunge.core.values.outcome import Reason
from tests.evidence_kit import (
    REACH,
    absent,
    at_page,
    entry,
    for_people,
    for_some_items,
    in_ranges,
    of_now,
    with_models,
    with_text_of_others,
)

ANNEX = '<section class="annex">'


def parts(said: receipt.Receipt) -> tuple[str, str]:
    """What stands before the annex of the newest page, and the annex."""
    page = render(receipt.build(at_page(said))).decode()
    before, annex, after = page.partition(ANNEX)
    assert annex
    return before.partition("<body>")[2], after


def told(*datasets: receipt.DatasetEntry, **changes: object) -> str:
    return parts(of_now(*datasets, **changes))[0]


def test_a_parent_reads_who_gives_it_what_is_gone_what_stays_and_where_to_complain() -> None:
    before, _ = parts(for_people())
    for said in (
        "Night Owl gives this receipt.",
        "42 voice recordings",
        "3 videos",
        "1 transcript<",
        "Nothing of this person was found among voiceprints.",
        "<strong>Location points</strong><small>A program still reads it. The company can try again.</small>",
        "2 accounts: kept until",
        "tax law: invoices are kept for ten years",
        "Nightly backups of the recordings, overwritten after 35 days.",
        "Questions: Night Owl, privacy@nightowl.example.",
        "you may complain to the Data Protection Commission, dpc.example.",
    ):
        assert said in before, said


def test_datasets_of_one_kind_and_depth_are_one_line() -> None:
    before = told(
        entry("voice", holds=DataKind.VOICE, items=2), entry("shared voice", holds=DataKind.VOICE, items=3), entry("notes", items=1)
    )
    assert before.count("voice recording") == 1
    assert "<li>5 voice recordings</li>" in before
    assert "<li>1 record</li>" in before
    shallow = entry("old", holds=DataKind.VOICE, items=4, claimed=Grounding.REMOVED, asked=Grounding.REMOVED, scan=None)
    deep_and_not = told(entry("voice", holds=DataKind.VOICE, items=2), shallow)
    assert deep_and_not.index("no file holds a trace") < deep_and_not.index("2 voice recordings") < deep_and_not.index("no file or table")
    assert deep_and_not.index("no file or table") < deep_and_not.index("4 voice recordings")


@pytest.mark.parametrize("act", [each for each in EraseAct if each is not EraseAct.KEEP])
def test_what_was_done_is_said_of_each_act(act: EraseAct) -> None:
    assert receipt_v6_words.DONE[act] in told(entry(act=act, holds=DataKind.MODEL, items=1)).lower()


def test_advice_for_operators_stands_nowhere() -> None:
    said = for_people()
    detail = next(each.detail for each in said.datasets if each.detail)
    before, annex = parts(said)
    assert "expunge apply" in detail
    assert "expunge apply" not in before + annex
    assert "what to do" not in before + annex


def test_what_is_the_same_for_several_places_stands_once() -> None:
    _, annex = parts(for_people())
    assert annex.count("Read again by listing, open") == 1
    searched = {(each.store, each.scan) for each in for_people().datasets if each.scan and each.scan.traces_taken}
    assert annex.count("Raw bytes searched") == len(searched) < len(for_people().datasets)
    assert annex.count("the disk below") == 1
    assert "<strong>media, app</strong>: the disk below" in annex


def test_the_annex_leaves_out_nothing_that_the_page_before_said() -> None:
    said = for_people()
    _, annex = parts(said)
    for each in said.datasets:
        assert each.dataset in annex
        assert each.outcome.value in annex
    for each in (said.commitment, said.plan_digest, said.signer, said.policy_digest, said.map_digest, said.log):
        assert each in annex
    _, others = parts(with_text_of_others())
    for title in ("Records of other people with the same text", "Records that lead to nobody known", "How to check it yourself"):
        assert f"<h3>{title}</h3>" in others


def test_partial_never_reads_as_done() -> None:
    left = entry(outcome=Result.UNABLE, reason=Reason.RESIDUE, items=0, claimed=Grounding.NONE, scan=None, detail="x")
    before = told(entry("other"), left)
    assert "Not everything is erased yet" in before
    assert 'class="verdict bad"' in before
    assert "Erased and verified" not in before
    assert "Nothing about this person was found" in told(absent())
    elsewhere = replace(left, dataset="elsewhere", holds=None)
    assert "A place in media without a name" in told(entry("other"), elsewhere)


def test_words_of_other_people_are_not_called_traces() -> None:
    before, _ = parts(with_text_of_others())
    assert receipt_v6_words.BUT_OTHERS in before
    assert receipt_v6_words.DEPTH[Grounding.SCRUBBED] not in before
    assert "Some records name nobody whom the company knows." in before


def test_nothing_found_is_said_where_nothing_was_found_alone() -> None:
    assert "Nothing about this person was found" in told(absent())
    for changes in (
        {"mentions": (receipt.Mention("letters", "body", MentionAct.NULL, 2),)},
        {"mentions": (receipt.Mention("letters", "body", MentionAct.KEEP, 2),)},
        {"orphaned": with_text_of_others().orphaned},
        {"others_text": with_text_of_others().others_text},
    ):
        before = told(absent(), **changes)
        assert "No data about this person was found" in before
        assert "none held anything" not in before
    assert "2 records of other people named this person, and no longer do." in told(
        entry(), mentions=(receipt.Mention("letters", "body", MentionAct.NULL, 2),)
    )


def test_what_stays_with_others_is_said_under_erased_and_verified() -> None:
    def box(**changes: object) -> str:
        return told(entry(), **changes).partition("</section>")[0]

    assert "Records of other people still name this person" in box(mentions=(receipt.Mention("letters", "body", MentionAct.KEEP, 2),))
    for words in (with_text_of_others().others_text, ()), ((), (receipt.SharedValues("cities", "app", 1),)):
        stays = dict(zip(("others_text", "shared_values"), words, strict=True))
        assert "Words of it that other data has as well stay there" in box(**stays)
    assert "see below" not in box()


def test_a_model_in_which_an_attack_still_tells_people_is_said_first() -> None:
    before, _ = parts(with_models())
    assert "An attack can still tell who was in a model" in before.partition("</section>")[0]
    assert "An attack can still tell who was in 1 model." in before
    assert "Models whose sealed lists of what they learnt from show that it was not from this person go on" in before


def test_what_is_all_kept_does_not_read_as_erased() -> None:
    kept = entry(act=EraseAct.KEEP, outcome=Result.KEPT, claimed=Grounding.NONE, probe=None, scan=None, items=2)
    ground = "backups that have outlived their schedule, until a person removes them"
    before, annex = parts(of_now(kept, kept=(receipt.KeptItems("recordings", ground, None, 2),), verdict=receipt.Verdict.IN_PART))
    assert "Nothing is erased: what was found is kept" in before
    assert "Erased" not in before.partition("<body>")[2].partition("What stays")[0].replace("Receipt of erasure", "")
    assert "kept, and this receipt has no date for its end. Why: backups that have outlived" in before
    assert "keeping time ends" not in before + annex
    assert f'<td data-label="Ground">{ground}</td>' in annex


@pytest.mark.parametrize("kind", list(OrderKind))
def test_an_order_about_a_class_of_items_names_no_person(kind: OrderKind) -> None:
    said = with_models(order_kind=kind, orphaned=with_text_of_others().orphaned)
    before = parts(said)[0] + told(absent(), order_kind=kind)
    assert ("this person" in before) is (kind not in {OrderKind.EXPIRY, OrderKind.DISGORGEMENT})


EVERYTHING = ("about this person that was found", "Nothing of this person", "No new data from then on", "to forget this person")


@pytest.mark.parametrize("kind", [OrderKind.ERASURE, OrderKind.WITHDRAWAL, OrderKind.INACTIVITY])
@pytest.mark.parametrize("reach", [ReceiptReach.ITEMS, ReceiptReach.PART])
@pytest.mark.parametrize(
    "words", [REACH, "the order reaches all of it", "everything of the person", "le orden alcanza una grabación"], ids=range(4)
)
def test_no_words_make_a_receipt_for_some_items_read_as_everything(kind: OrderKind, reach: ReceiptReach, words: str) -> None:
    before, _ = parts(for_some_items(order_kind=kind, reach=reach, out_of_scope=(words,)))
    assert "All data of this order that was found is erased" in before
    assert "Everything else about this person stays." in before
    assert not any(lie in before for lie in EVERYTHING)


def test_no_words_make_a_receipt_for_a_person_read_as_less() -> None:
    before, _ = parts(for_some_items(reach=ReceiptReach.PERSON))
    assert REACH in for_some_items().out_of_scope
    assert "All data about this person that was found is erased" in before
    assert "No new data from then on" in before
    assert "Everything else about this person stays." not in before


def test_a_receipt_of_page_6_reads_its_reach_from_its_sentence_as_when_it_was_issued() -> None:
    sentence = replace(at_page(for_some_items(), 6), out_of_scope=(REACH,))
    assert "Everything else about this person stays." in render(receipt.build(sentence)).decode()
    assert "Everything else about this person stays." not in render(receipt.build(replace(sentence, out_of_scope=("it",)))).decode()


def test_nothing_of_a_class_says_that_no_new_data_came_in() -> None:
    assert "No new data from then on" not in parts(for_some_items(reach=ReceiptReach.CLASS, order_kind=OrderKind.EXPIRY))[0]


def test_a_place_that_nothing_accounts_for_is_told() -> None:
    place = UnreadPlace("media", PlaceKind.OPAQUE, "raw/*.bin", "sealed by another company", 1, 1, 1, 1)
    before, annex = parts(of_now(entry(scan=None, claimed=Grounding.REMOVED, asked=Grounding.REMOVED), unread=(place,)))
    assert "Some places belong to no data that the company names, or cannot be read." in before
    assert "sealed by another company" in annex


def test_the_annex_says_what_was_done_with_each_place() -> None:
    _, annex = parts(with_models())
    assert '<td data-label="Result">trained anew without this person\'s data</td>' in annex


def test_without_an_issuer_it_names_none() -> None:
    before, _ = parts(for_people(issuer=None))
    assert "The company that had the data gives this receipt." in before
    assert "Questions:" not in before


def test_every_word_has_its_words() -> None:
    assert set(receipt_v6_words.KINDS) == set(DataKind)
    assert set(receipt_v6_words.WHY) == set(Reason)
    assert set(receipt_v6_words.FROM) == set(OrderKind)
    assert set(receipt_v6_words.DEPTH) == set(Grounding)
    assert set(receipt_v6_words.DONE) == set(EraseAct)


def test_the_short_code_is_of_every_byte() -> None:
    statement = receipt.build(for_people())
    code = receipt_v6.short_code(statement)
    assert code in render(statement).decode()
    assert [len(part) for part in code.split("-")] == [4, 4, 4]
    assert receipt_v6.short_code(receipt.build(for_people(nonce=bytes(32)))) != code


def test_texts_of_the_map_are_escaped() -> None:
    hostile = "<b>&\u202e"
    said = for_people(
        issuer=receipt.IssuingCompany(hostile, hostile, hostile),
        outside=(receipt.CopiesOutside("media", hostile),),
        out_of_scope=(hostile,),
    )
    before, annex = parts(said)
    assert "<b>" not in before + annex
    assert before.count("&lt;b&gt;&amp;[U+202E]") == 5


def test_scans_that_differ_have_notes_of_their_own() -> None:
    _, annex = parts(of_now(entry("a", scan=in_ranges()), entry("b", scan=in_ranges(files=9))))
    assert annex.count("Raw bytes searched") == 2


def test_a_sample_is_named_in_the_title() -> None:
    sampled = entry(claimed=Grounding.REMOVED, asked=Grounding.REMOVED, scan=in_ranges(mode=receipt.ScanMode.SAMPLE))
    assert "<h1>Receipt of erasure, by a sample of media" in told(sampled)
