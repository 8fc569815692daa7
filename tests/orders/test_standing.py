"""What nobody can tell, what may stay and who said so, what a hold keeps, and the statement that comes only when all of it is settled."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from expunge import clock
from expunge.core.disgorgement.disgorgement_events import DisgorgementState, ItemExcepted
from expunge.core.disgorgement.sworn_statement import PERJURY, links
from expunge.core.journal.recipient_ledger import RecipientAnswer
from expunge.core.lineage.observations import Observation, RunStage
from expunge.core.lineage.openlineage import address
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_verify
from expunge.engine.lineage.observed_lineage import Intake
from expunge.errors import EvidenceInvalid, IllegalTransition, UsageError
from tests.orders.camera import Home
from tests.orders.worlds import ORDERS, noise


def infeasible(standing: DisgorgementState, item: str = "models/edge") -> ItemExcepted:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    ground, authority = "flashed into doorbells that are no longer reached", "the head of firmware, as expert"
    return ItemExcepted(at, standing.id, "work-product", item, "", ground, authority, None, "chief", "")


@pytest.mark.duty("DSG-03")
def test_a_model_of_unknown_origin_is_never_clean_and_goes_when_a_named_person_says_that_it_is_tainted(home: Home) -> None:
    home.world.model("found-on-a-share")
    home.world.model("child-of-it", "models/found-on-a-share")
    standing = home.enter()
    with home.open() as opened:
        unknown = {each.item: each.why for found in opened.disgorgements.look(standing.id) for each in found.unknown}
        assert set(unknown) == {"models/found-on-a-share", "models/child-of-it"}
        home.carry_out(standing)
        with pytest.raises(IllegalTransition, match="models/child-of-it is unknown and undecided"):
            opened.disgorgements.statement(standing.id)
        with pytest.raises(UsageError, match="somebody decides"):
            opened.disgorgements.decide(standing.id, "models/child-of-it", tainted=True, by=" ", reason="x")
        with pytest.raises(UsageError, match="not among what is unknown"):
            opened.disgorgements.decide(standing.id, "models/person", tainted=False, by="Priya", reason="x")
        opened.disgorgements.decide(
            standing.id, "models/found-on-a-share", tainted=True, by="Priya", reason="its folder is the labelling team's"
        )
        opened.disgorgements.decide(standing.id, "models/child-of-it", tainted=False, by="Priya", reason="trained anew since, see run 7")
        later = opened.disgorgements.again(standing.id)
    assert home.carry_out(later) == {"work-product": OrderState.FULFILLED}
    assert home.world.models() == {"child-of-it"}
    with home.open() as opened:
        notes = "\n".join(note for part in opened.disgorgements.statement(standing.id).draft.parts for note in part.notes)
    assert "Priya decided" in notes
    assert "clean: trained anew since, see run 7" in notes


@pytest.mark.duty("DSG-03")
def test_items_without_a_date_are_unknown_rather_than_spared(home: Home) -> None:
    home.world.table("faces", "face_id TEXT", [("face-9", "acc-0", noise("face 9", 512), None, "2017")])
    home.world.table("reviews", "recording_id TEXT", [("rec-2", "bird", "", "2017"), ("rec-2", "bee", "in spring", "2017")])
    with home.open() as opened:
        found = {each.limb.name: each for each in opened.disgorgements.preview(opened.disgorgements.read(ORDERS / "ring.yaml"))}
    assert [(each.item, each.why) for each in found["face-embeddings"].unknown] == [("faces: items without a readable date", "1 of them")]
    assert found["face-embeddings"].items == {"faces": 3}
    assert [(each.item, each.why) for each in found["recordings"].unknown] == [("reviews: items without a readable date", "2 of them")]
    assert found["recordings"].items == {"recordings": 2}


@pytest.mark.duty("RNG-05")
def test_technically_infeasible_is_claimed_item_by_item_and_signed_or_it_goes(home: Home) -> None:
    standing = home.enter()
    wanted = infeasible(standing)
    with home.open() as opened:
        with pytest.raises(EvidenceInvalid, match="not this approver's"):
            opened.disgorgements.except_item(wanted, base64.b64encode(bytes(64)).decode())
        with pytest.raises(EvidenceInvalid, match="not this approver's"):
            opened.disgorgements.except_item(replace(wanted, ground="another"), home.sign(wanted))
        with pytest.raises(UsageError, match="no technical infeasibility for faces"):
            opened.disgorgements.check_claim(replace(wanted, limb="face-embeddings", item="faces"))
        with pytest.raises(UsageError, match="names no approver"):
            opened.disgorgements.except_item(replace(wanted, by="somebody"), home.sign(wanted))
        opened.disgorgements.except_item(wanted, home.sign(wanted))
        later = opened.disgorgements.again(standing.id)
    assert set(home.carry_out(later).values()) == {OrderState.FULFILLED}
    assert home.world.models() == {"edge"}
    with home.open() as opened:
        drafted = opened.disgorgements.statement(standing.id)
    (part,) = (each for each in drafted.draft.parts if each.title == "work-product")
    assert any("models/edge stays (technically infeasible): flashed into doorbells" in each for each in part.notes)
    assert "What is technically infeasible has to be sworn to by: principal executive officer" in part.notes
    assert json.loads(drafted.files["evidence/exceptions.json"])[0]["by"] == "chief"


@pytest.mark.duty("DSG-04")
def test_a_hold_keeps_what_is_held_of_a_person_and_a_further_statement_falls_due_after_it(home: Home) -> None:
    until = clock.now() + timedelta(days=90)
    with home.open() as opened:
        opened.holds.place(opened.resolve("account:acc-0"), "recordings", ground="Smith v. Company", authority="a court", until=until)
    home.world.file("media/video/acc-0/rec-later.mp4")
    home.world.table("reviews", "recording_id TEXT", [("rec-later", "cow", "2017-07-01", "2017")])
    standing = home.enter()
    states = home.carry_out(standing)
    assert states["recordings"] is OrderState.IN_PART
    held = {"media/video/acc-0/rec-0.mp4", "media/video/acc-0/rec-later.mp4"}
    assert home.world.files() >= held | {"media/video/acc-2/rec-2.mp4"}
    assert "media/video/acc-1/rec-1.mp4" not in home.world.files()
    with home.open() as opened:
        drafted = opened.disgorgements.statement(standing.id)
    (part,) = (each for each in drafted.draft.parts if each.title == "recordings")
    assert [(each.number, each.text.partition(":")[0]) for each in part.lines] == [
        (1, "items of recordings destroyed"),
        (2, "items of recordings kept"),
    ]
    assert f"ends {until:%Y-%m-%d}" in drafted.draft.due[0]


@pytest.mark.duty("RNG-06", "DSG-07")
def test_the_statement_links_every_number_to_evidence_that_verifies_and_is_not_signed(home: Home) -> None:
    standing = home.enter()
    with home.open() as opened, pytest.raises(IllegalTransition, match="is fenced"):
        opened.disgorgements.statement(standing.id)
    home.carry_out(standing)
    with home.open() as opened:
        drafted = opened.disgorgements.statement(standing.id)
    assert set(links(drafted.draft)) <= drafted.files.keys()
    numbers = {(part.title, line.text): line.number for part in drafted.draft.parts for line in part.lines}
    assert numbers == {
        ("recordings", "items of recordings destroyed"): 2,
        ("face-embeddings", "items of faces destroyed"): 3,
        ("work-product", "items of models destroyed"): 4,
        ("work-product", "artefacts in models: edge, person"): 2,
    }
    folders = {path.rpartition("/")[0] for path in drafted.files if path.startswith("receipts/")}
    for folder in folders:
        files = {path.rpartition("/")[2]: data for path, data in drafted.files.items() if path.startswith(f"{folder}/")}
        made = receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt
        assert made.order in folder
        digest = sha256(files["receipt.dsse.json"]).hexdigest()
        assert digest in drafted.files["statement.md"].decode()
    text, page = drafted.files["statement.md"].decode(), drafted.files["statement.html"].decode()
    assert PERJURY in text
    assert PERJURY in page
    assert "(Signature of principal executive officer): ______________" in text
    assert "Draft. It is not signed" in page
    assert set(re.findall(r'href="([^"]+)"', page)) == set(links(drafted.draft))
    with home.open() as opened:
        assert opened.disgorgements.standing(standing.id).drafted[0].digest == sha256(drafted.files["statement.md"]).hexdigest()


@pytest.mark.duty("RNG-06")
def test_no_statement_while_a_place_failed_or_something_came_back(home: Home) -> None:
    standing = home.enter()
    home.carry_out(standing)
    home.world.file("media/video/acc-1/rec-1.mp4")
    home.world.table("reviews", "recording_id TEXT", [("rec-1", "dog", "2017-06-02", "2017")])
    with home.open() as opened:
        with pytest.raises(IllegalTransition, match="1 items of recordings are there that recordings takes"):
            opened.disgorgements.statement(standing.id)
        again = opened.disgorgements.again(standing.id)
    home.carry_out(again)
    (home.world.folder / "world" / "app.db").rename(home.world.folder / "world" / "away.db")
    with home.open() as opened, pytest.raises(IllegalTransition, match="could not be looked into"):
        opened.disgorgements.statement(standing.id)


def test_the_same_order_is_entered_once_and_what_was_not_begun_is_replaced(home: Home) -> None:
    standing = home.enter()
    with pytest.raises(UsageError, match=f"entered before, as {standing.id}"):
        home.enter()
    with home.open() as opened:
        later = opened.disgorgements.again(standing.id)
        first = [each.order for each in standing.examined if each.order]
        assert {opened.status(OrderId(each)).state for each in first} == {OrderState.CANCELLED}
    assert fulfilled_states(home.carry_out(later))


def fulfilled_states(states: dict[str, OrderState]) -> bool:
    return set(states.values()) == {OrderState.FULFILLED}


def test_an_order_about_people_whom_the_map_does_not_describe_is_refused_with_what_to_declare(home: Home) -> None:
    with pytest.raises(UsageError) as caught:
        home.enter("everalbum")
    assert "the map does not say who they are" in caught.value.message
    assert "cohorts:" in caught.value.help


@pytest.mark.duty("DSG-02", "DSG-03")
def test_what_a_pipeline_was_seen_to_make_counts_and_a_place_that_nobody_declared_is_unknown(home: Home) -> None:
    home.world.file("registry/segments/watched.csv")
    text = home.world.map.read_text()
    segments = """\
  segments: {store: registry, path: "segments/{name}.csv", kind: model, derived_from: [accounts], on_erase: destroy}
"""
    home.world.map.write_text(text.replace("  lineage: {", f"{segments}  lineage: {{"))
    root = home.world.folder / "world"
    reviews, watched = address("sqlite://", f"{root}/app.db/reviews"), address("file", f"{root}/registry/segments/watched.csv")
    at = datetime(2019, 1, 1, tzinfo=UTC)
    seen = Observation("ab" * 16, at, RunStage.COMPLETE, "nightly", (reviews,), tuple(sorted((watched, "s3://partner/export.csv"))))
    with home.open() as opened:
        before = {each.limb.name: each for each in opened.disgorgements.preview(opened.disgorgements.read(ORDERS / "ring.yaml"))}
        Intake(opened.context.journal, opened.context.clock).take([seen])
        after = {each.limb.name: each for each in opened.disgorgements.preview(opened.disgorgements.read(ORDERS / "ring.yaml"))}
    assert "segments" not in before["work-product"].items
    (hit,) = (each for each in after["work-product"].hits if each.dataset == "segments")
    assert [(each.source, each.declared) for each in hit.paths["segments"]] == [("reviews", False)]
    (unknown,) = after["work-product"].unknown
    assert unknown.item.startswith("undeclared:")
    assert "partner" not in unknown.item + unknown.why
    standing = home.enter()
    home.carry_out(standing)
    with home.open() as opened:
        with pytest.raises(UsageError, match="nothing can be erased that the map does not name"):
            opened.disgorgements.decide(standing.id, unknown.item, tainted=True, by="Priya", reason="x")
        with pytest.raises(IllegalTransition, match=r"undeclared:[0-9a-f]+ is unknown and undecided"):
            opened.disgorgements.statement(standing.id)
    assert "registry/segments/watched.csv" not in home.world.files()


@pytest.mark.duty("RNG-02", "RNG-03")
def test_every_limb_falls_due_by_its_own_clock_until_what_it_takes_is_gone(home: Home) -> None:
    standing = home.enter()
    limbs = {f"destroy what {each} takes" for each in ("recordings", "face-embeddings", "work-product")}

    def owed() -> dict[str, datetime | None]:
        with home.open() as opened:
            return {each.duty: each.at for each in opened.dues.all() if each.what == f"order of destruction {standing.id}"}

    before = owed()
    assert before.keys() > limbs
    assert before["destroy what recordings takes"] == standing.order.entered + timedelta(days=30)
    assert before["destroy what face-embeddings takes"] == standing.order.entered + timedelta(days=90)
    home.carry_out(standing)
    assert owed().keys() == {"draft the sworn statement, and have it signed"}
    with home.open() as opened:
        opened.disgorgements.statement(standing.id)
    assert owed() == {}


@pytest.mark.duty("DSG-05")
def test_the_statement_says_which_recipients_were_told_and_who_has_not_confirmed(home: Home) -> None:
    home.world.map.write_text(home.world.map.read_text() + "recipients:\n  laboratory: {gets: [recordings]}\n")
    standing = home.enter()
    home.carry_out(standing)
    (order,) = (each.order for each in standing.examined if each.limb == "recordings")
    assert order is not None
    with home.open() as opened:
        (part,) = (each for each in opened.disgorgements.statement(standing.id).draft.parts if each.title == "recipients")
        assert [(each.number, each.text) for each in part.lines] == [
            (1, "instructions to recipients"),
            (0, "of them confirmed, attested or probed"),
        ]
        assert part.notes == ("laboratory: to be sent; nothing more is shared with it until it is settled",)
        assert not opened.recipients.may_share("laboratory")
        opened.recipients.carried(order, "laboratory", "the courier")
        opened.recipients.confirm(order, "laboratory", answer=RecipientAnswer.DONE, by="chief")
        (part,) = (each for each in opened.disgorgements.statement(standing.id).draft.parts if each.title == "recipients")
    assert [each.number for each in part.lines] == [1, 1]
    assert part.notes == ()


@pytest.mark.duty("DSG-04")
def test_when_the_hold_ends_what_it_kept_goes_by_itself_and_the_further_statement_says_so(home: Home) -> None:
    with home.open() as opened:
        until = clock.now() + timedelta(days=90)
        person = opened.resolve("account:acc-0")
        hold = opened.holds.place(person, "recordings", ground="Smith v. Company", authority="a court", until=until)
        opened.holds.place(person, "accounts", ground="another matter", authority="a court", until=until)
    standing = home.enter()
    home.carry_out(standing)
    with home.open() as opened:
        first = opened.disgorgements.statement(standing.id)
        opened.holds.end(hold.id, "the case was settled")
        opened.sweep()
        for run in opened.queued():
            opened.plan(run.order)
            signed = base64.b64encode(home.key.sign(opened.approval_message(run.order))).decode()
            opened.approve(run.order, "chief", signed)
        (run,) = opened.run_due()
        assert run.state is OrderState.FULFILLED
        further = opened.disgorgements.statement(standing.id)
    assert [(each.number, each.text) for each in further.draft.parts[0].lines] == [(2, "items of recordings destroyed")]
    assert first.draft.due
    assert further.draft.due == ()
    assert "media/video/acc-0/rec-0.mp4" not in home.world.files()
