"""What a verb opens it closes: connections to the state database, and files, in whichever thread and however many installations."""

from __future__ import annotations

import gc
import inspect
import io
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db.backends.signals import connection_created

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.bootstrap.accounts.staffing import NewEquivalence
from expunge.bootstrap.pipelines import LineageDoor
from expunge.bootstrap.service import DomainService
from expunge.bootstrap.vault.service import Claimed, VaultService
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.accounts.staff import JobFunction
from expunge.core.accounts.staff_acts import InviteStaff
from expunge.core.accounts.staff_events import AccessMethod
from expunge.core.consent.consent_events import EndReason
from expunge.core.consent.use_records import RecordKind, ReviewDecision
from expunge.core.disgorgement.disgorgement_events import ItemExcepted
from expunge.core.export.export_state import ExportState
from expunge.core.export.wanted_export import EVERYTHING
from expunge.core.incidents.letters import LetterTo
from expunge.core.journal.access_tokens import TokenScope
from expunge.core.journal.finding_events import FindingReason
from expunge.core.journal.incident_events import (
    IncidentCounted,
    IncidentFact,
    IncidentKind,
    IncidentScope,
    IncidentVerdict,
    IncidentWord,
)
from expunge.core.journal.incident_events import ScopeSource as Source
from expunge.core.journal.review_words import CaseKind, DeskAct, ReviewPurpose
from expunge.core.journal.thread_events import MessageKind
from expunge.core.pages.yearly_report import ReportKind
from expunge.core.review.new_review import NewReview
from expunge.core.review.question import ViewQuestion
from expunge.core.review.statements import ACCESS_ROLE
from expunge.core.values.cause import OnRequest
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderKind
from expunge.core.values.scope import Scope
from expunge.core.verification.ledger_record import LedgerKind
from expunge.engine.consent.invitations import NewInvitation
from expunge.engine.consent.parental_consent import ConsentQuestion
from expunge.engine.consent.use_decisions import Assurance, UseReview
from expunge.engine.incidents.closing import Closing
from expunge.engine.incidents.entering import NewFact, NewIncident
from expunge.engine.intake.person_orders import OrderRequest
from expunge.engine.noticing.deciding import Judgement
from expunge.engine.vault.openings import Reader
from expunge.errors import ExpungeError, StateCorrupt
from expunge.gate import Subject
from expunge.ports.consent_method import HandedEvidence
from tests.engine.consents import AGREED, BORN, CHILD, PARENT, PURPOSES, asking
from tests.engine.household import ANNA, BELA, CARA, DINO, Household, copy

LIMB = ItemExcepted(datetime(2031, 1, 1, tzinfo=UTC), "nobody", "models", "item", "", "ground", "authority", None, "Priya", "")
REVIEW = UseReview("answer", ReviewDecision.APPROVED, {"used": "to answer the question"}, datetime(2027, 1, 1, tzinfo=UTC))
NEW_REVIEW = NewReview(ReviewPurpose.HARM, CaseKind.SUPPORT, "LE-88", "doorbell", f"doorbell/{DINO}/r-1.wav", why="nothing less shows it")
NOON, LATER = datetime(2025, 3, 1, 12, tzinfo=UTC), datetime(2025, 3, 2, tzinfo=UTC)
INCIDENT = NewIncident(IncidentKind.COPY, NOON, NOON, (IncidentWord.UNKNOWN,), "SEC-1")
COUNTED = IncidentCounted(NOON, "00", 0, 0, (), "", {"incidents": 0, "reviews": 0, "openings": 0, "families": 0})
ASSURANCE = Assurance("Skylark", b"we keep it safe", datetime(2027, 1, 1, tzinfo=UTC))
LETTER = b"Subject: A letter\n\nWhat happened.\n"
AGENCY = Path(__file__).parents[2] / "orders" / "everalbum.yaml"
VAULT = """\
  doorbell: {store: sealed, path: "doorbell/{profile_id}/{recording_id}.wav", subject: {profile: profile_id}, retention: seen}
  doorbell_clear: {store: media, path: "doorbell/{profile_id}/{recording_id}.wav", subject: {profile: profile_id}, retention: seen}
"""
RANG = f"doorbell/{DINO}/r-1.wav"


@dataclass
class World:
    """An installation with orders in several states, and what verbs are called with."""

    home: Household
    opened: Expunge
    done: OrderId
    planned: OrderId
    fresh: OrderId

    def person(self, name: str = BELA) -> Any:
        return self.opened.resolve(f"profile:{name}")

    def question(self) -> ConsentQuestion:
        return ConsentQuestion(self.opened.resolve(CHILD), self.opened.resolve(PARENT), "training", BORN, "")


Call = Callable[[World], object]


def _work(opened: Expunge) -> None:
    stop = threading.Event()
    timer = threading.Timer(1.0, stop.set)
    timer.start()
    try:
        opened.work(stop, poll=0.1)
    finally:
        timer.cancel()
        timer.join()


def _read(desk: VaultService) -> bytes:
    with desk.open(f"doorbell/{RANG}", purpose="keeping") as file:
        return file.read()


def _of_vault(name: str) -> dict[str, Call]:
    """The verbs that every desk of sealed recordings has."""
    calls: dict[str, Callable[[World, VaultService], object]] = {
        "renew_gate": lambda _, desk: desk.renew_gate(),
        "gate": lambda _, desk: desk.gate().may_use(Subject("profile", DINO), "keeping"),
        "datasets": lambda _, desk: desk.datasets(),
        "named": lambda _, desk: desk.named("doorbell", {"profile_id": DINO, "recording_id": "r-1"}),
        "names": lambda world, desk: list(desk.names("doorbell", world.home.folder / "rang")),
        "ingest": lambda _, desk: desk.ingest("doorbell", f"doorbell/{DINO}/r-{threading.get_ident()}.wav", io.BytesIO(b"it rang")),
        "recordings": lambda _, desk: desk.recordings("doorbell"),
        "readable": lambda _, desk: list(desk.readable("doorbell", "keeping")),
        "readable_page": lambda _, desk: desk.readable_page("doorbell", "keeping", 0),
        "incoming": lambda _, desk: desk.incoming("doorbell", f"doorbell/{DINO}/r-9.wav", Claimed((), False, "", None)).abandon(),
        "opened": lambda _, desk: desk.opened(f"doorbell/{RANG}", Reader("priya", "test", "keeping"), 0, None).close(),
        "opened_by_family": lambda _, desk: desk.opened_by_family(
            f"doorbell/{RANG}", Reader("priya", "test", "keeping"), lambda: None
        ).close(),
        "open": lambda _, desk: _read(desk),
        "openings": lambda _, desk: desk.openings(),
        "sealed_recording": lambda _, desk: desk.sealed_recording(f"doorbell/{RANG}"),
        "opened_for_review": lambda _, desk: desk.opened_for_review(f"doorbell/{RANG}", lambda: None).close(),
    }
    return {f"{name}.{verb}": lambda world, call=call: call(world, getattr(world.opened, name)) for verb, call in calls.items()}  # type: ignore[misc]


def _read_all(opened: Expunge) -> None:
    with opened.readings.reading(purpose="look", makes="voice") as run:
        run.opened()


VERBS: dict[str, Call] = {
    "check": lambda world: world.opened.check(),
    "resolve": lambda world: world.person(),
    "resolve_all": lambda world: world.opened.resolve_all([f"profile:{BELA}"]),
    "candidates": lambda world: world.opened.candidates(BELA),
    "locate": lambda world: world.opened.locate([world.person()]),
    "contact": lambda world: world.opened.contact(world.planned),
    "approval_message": lambda world: world.opened.approval_message(world.planned),
    "approve": lambda world: world.opened.approve(world.planned, "Priya", ""),
    "queued": lambda world: world.opened.queued(),
    "status": lambda world: world.opened.status(world.done),
    "orders": lambda world: world.opened.orders(),
    "residue": lambda world: world.opened.residue(world.done),
    "residue_groups": lambda world: world.opened.residue_groups(world.done),
    "earlier_orders": lambda world: world.opened.earlier_orders([world.person()]),
    "receipts": lambda world: world.opened.receipts(world.done),
    "receipt_folder": lambda world: world.opened.receipt_folder(world.done),
    "cosign_log": lambda world: world.opened.cosign_log(),
    "published_policy": lambda world: world.opened.published_policy(),
    "trust_policy": lambda world: world.opened.trust_policy(),
    "order_erase": lambda world: world.opened.order_erase([world.person(CARA)]),
    "order_erase_all": lambda world: world.opened.order_erase_all([[world.person(CARA)]]),
    "plan": lambda world: world.opened.plan(world.fresh),
    "order_cancel": lambda world: world.opened.order_cancel(world.fresh),
    "submit": lambda world: world.opened.submit(world.planned),
    "leases": lambda world: world.opened.leases(),
    "worker": lambda world: world.opened.worker(),
    "work": lambda world: _work(world.opened),
    "apply": lambda world: world.opened.apply(world.planned),
    "apply_all": lambda world: world.opened.apply_all([world.planned]),
    "run_due": lambda world: world.opened.run_due(),
    "nightly_cohort": lambda world: world.opened.nightly_cohort(),
    "run_nightly": lambda world: world.opened.run_nightly(),
    "lineage_tell": lambda world: world.opened.lineage_tell(),
    "verify": lambda world: world.opened.verify(world.done),
    "sweep": lambda world: world.opened.sweep(),
    "discover": lambda world: world.opened.discover(),
    "restored": lambda world: world.opened.restored("media"),
    "recover": lambda world: world.opened.recover(),
    "state_comparison": lambda world: world.opened.state_comparison(),
    "accept_rollback": lambda world: world.opened.accept_rollback("priya", "the newest copy"),
    "export": lambda world: world.opened.export(world.person(), world.home.folder / f"export-{threading.get_ident()}"),
    "exports.estimate": lambda world: world.opened.exports.estimate(world.person()),
    "exports.write": lambda world: world.opened.exports.write(world.person(), world.home.folder / f"written-{threading.get_ident()}"),
    "exports.begin": lambda world: world.opened.exports.begin(world.person(), EVERYTHING, str(uuid4())),
    "exports.build": lambda world: world.opened.exports.build(
        world.opened.exports.begin(world.person(), EVERYTHING, str(uuid4())), world.person(), EVERYTHING
    ),
    "exports.states": lambda world: world.opened.exports.states(world.person()),
    "exports.states_of": lambda world: world.opened.exports.states_of(world.person().person.subject),
    "exports.require_no_dispute": lambda world: world.opened.exports.require_no_dispute(world.person()),
    "exports.fetch": lambda world: world.opened.exports.fetch(OrderId("exp-" + "a" * 20), 1, 0, 1),
    "exports.key": lambda world: world.opened.exports.key(OrderId("exp-" + "a" * 20)),
    "exports.read": lambda world: world.opened.exports.read(OrderId("exp-" + "a" * 20), bytes(32), 1, 0, 1),
    "exports.beside": lambda world: world.opened.exports.beside(OrderId("exp-" + "a" * 20), "manifest.json"),
    "exports.end": lambda world: world.opened.exports.end(OrderId("exp-" + "a" * 20)),
    "exports.sweep": lambda world: world.opened.exports.sweep(),
    "exports.interrupted": lambda world: world.opened.exports.interrupted(()),
    "exports.again": lambda world: world.opened.exports.again(
        ExportState(OrderId("exp-" + "a" * 20), clock.now(), frozenset(), (), "", EVERYTHING.part_size, "en")
    ),
    "exports.untold": lambda world: world.opened.exports.untold(),
    "exports.told": lambda world: world.opened.exports.told(OrderId("exp-" + "a" * 20)),
    "gate": lambda world: world.opened.gate().may_use(Subject("profile", BELA), "train"),
    "gate_publish": lambda world: world.opened.gate_publish(),
    "scoped.within": lambda world: world.opened.scoped.within(
        OrderRequest(
            (world.person(CARA),),
            "library",
            OnRequest("consent withdrawn"),
            kind=OrderKind.WITHDRAWAL,
            scope=Scope("consent", ("transcripts", "voice")),
        )
    ),
    "scoped.about_class": lambda world: world.opened.scoped.about_class(
        OrderKind.EXPIRY, Scope("retention", ("nowhere",)), {}, rule="by the map"
    ),
    "scoped.reach_of_items": lambda world: world.opened.scoped.reach_of_items(world.person(CARA), {"voice": ITEM}),
    "scoped.about_items": lambda world: world.opened.scoped.about_items(
        world.person(CARA),
        world.opened.scoped.reach_of_items(world.person(CARA), {"voice": ITEM}),
        cause=OnRequest("the parent confirmed it"),
    ),
    "dues.all": lambda world: world.opened.dues.all(),
    "dues.extend": lambda world: world.opened.dues.extend(world.planned, "many requests"),
    "dues.in_scope": lambda world: world.opened.dues.in_scope(),
    "dues.obligations": lambda world: world.opened.dues.obligations(),
    "holds.active": lambda world: world.opened.holds.active(),
    "holds.place": lambda world: world.opened.holds.place(
        world.person(DINO), "voice", ground="a claim", authority="the court", until=clock.now() + timedelta(days=30)
    ),
    "holds.state": lambda world: world.opened.holds.state("nobody", "Priya", "0" * 64),
    "holds.end": lambda world: world.opened.holds.end("nobody", "it is over"),
    "recipients.all": lambda world: world.opened.recipients.all(),
    "recipients.ask": lambda world: world.opened.recipients.ask(world.done, "acme"),
    "to_carry": lambda world: world.opened.to_carry(),
    "recipients.carried": lambda world: world.opened.recipients.carried(world.done, "acme", "Priya"),
    "recipients.confirm": lambda world: world.opened.recipients.confirm(world.done, "acme", by="Priya"),
    "recipients.letter": lambda world: world.opened.recipients.letter(world.done, "acme"),
    "recipients.may_share": lambda world: world.opened.recipients.may_share("acme"),
    "recipients.saw": lambda world: world.opened.recipients.saw("acme", "voice", "the log"),
    "recipients.send": lambda world: world.opened.recipients.send(),
    "retention.preview": lambda world: world.opened.retention.preview(),
    "retention.retire": lambda world: world.opened.retention.retire(),
    "retention.watch": lambda world: world.opened.retention.watch(),
    "retention.idle": lambda world: world.opened.retention.idle(),
    "retention.keep": lambda world: world.opened.retention.keep(world.person(), "the parent"),
    "retention.claims": lambda world: world.opened.retention.claims(),
    "retention.public": lambda world: world.opened.retention.public(),
    "retention.disclosures": lambda world: world.opened.retention.disclosures(),
    "retention.postings": lambda world: world.opened.retention.postings(),
    "retention.notices": lambda world: world.opened.retention.notices(),
    "records.pack": lambda world: world.opened.records.pack(world.home.folder / f"pack-{threading.get_ident()}.zip"),
    "records.enter": lambda world: world.opened.records.enter(LedgerKind.ROLE, date(2026, 1, 5), role="steward"),
    "records.ledger": lambda world: world.opened.records.ledger(),
    "records.verify_ledger": lambda world: world.opened.records.verify_ledger(),
    "records.report": lambda world: world.opened.records.report(
        ReportKind.COMPLIANCE, 2026, world.home.folder / f"report-{threading.get_ident()}"
    ),
    "records.ages": lambda world: world.opened.records.ages(),
    "records.trust_policy": lambda world: world.opened.records.trust_policy(),
    "uses.standings": lambda world: world.opened.uses.standings(),
    "uses.message_of_review": lambda world: world.opened.uses.message_of_review(REVIEW),
    "uses.review": lambda world: world.opened.uses.review(REVIEW, "priya", ""),
    "uses.message_of_assurance": lambda world: world.opened.uses.message_of_assurance(ASSURANCE),
    "uses.review_faults": lambda world: world.opened.uses.review_faults("answer", {}, None, None),
    "uses.assure": lambda world: world.opened.uses.assure(ASSURANCE, "priya", ""),
    "uses.end": lambda world: world.opened.uses.end(RecordKind.REVIEW, "answer", by="priya", reason="a safeguard failed"),
    "policies.in_force": lambda world: world.opened.policies.in_force(),
    "policies.history": lambda world: world.opened.policies.history(),
    "policies.decided": lambda world: world.opened.policies.decided(ViewQuestion(DeskAct.VIEW), at=LIMB.at),
    "policies.replay": lambda world: world.opened.policies.replay(by="priya"),
    "reviewers.train": lambda world: world.opened.reviewers.train("desk-1", ACCESS_ROLE, date(2026, 1, 5)),
    "reviewers.attest": lambda world: world.opened.reviewers.attest("desk-1", ReviewPurpose.HARM, date(2026, 1, 5)),
    "reviewers.people": lambda world: world.opened.reviewers.people(),
    "reviewers.overview": lambda world: world.opened.reviewers.overview(),
    "staff.accounts": lambda world: world.opened.staff.accounts(),
    "staff.named": lambda world: world.opened.staff.named("desk-1"),
    "staff.decide": lambda world: world.opened.staff.decide(InviteStaff(f"desk-{threading.get_ident()}", JobFunction.OPERATOR)),
    "staff.invite_first": lambda world: world.opened.staff.invite_first(),
    "staff.fingerprints": lambda world: world.opened.staff.fingerprints(world.opened.staff.named("desk-1")),
    "staff.approving_passkeys": lambda world: world.opened.staff.approving_passkeys(),
    "staff.link": lambda world: world.opened.staff.link("secret"),
    "staff.require_trained": lambda world: world.opened.staff.require_trained(),
    "staff.review": lambda world: world.opened.staff.review(),
    "staff.equivalence": lambda world: world.opened.staff.equivalence("desk-1", AccessMethod.TOTP, b"why", "SEC-1", REVIEW.until),
    "staff.record_equivalence": lambda world: world.opened.staff.record_equivalence(
        NewEquivalence("nobody", AccessMethod.TOTP, "0" * 64, "SEC-1", clock.now() + timedelta(days=30)), ""
    ),
    "threads.every": lambda world: world.opened.threads.every(),
    "threads.waiting": lambda world: world.opened.threads.waiting(),
    "threads.read": lambda world: world.opened.threads.read(world.done),
    "threads.answer": lambda world: world.opened.threads.answer(world.fresh, 1, MessageKind.MESSAGE, "we look"),
    "notices.send_due": lambda world: world.opened.notices.send_due(),
    "notices.cohorts": lambda world: world.opened.notices.cohorts(),
    "notices.cohort": lambda world: world.opened.notices.cohort("none"),
    "notices.find_cohort": lambda world: world.opened.notices.find_cohort("all", "accounts", (REVIEW.until, LIMB.at), LIMB.at, LETTER),
    "notices.send_cohort": lambda world: world.opened.notices.send_cohort("all", LETTER),
    "notices.unreached": lambda world: world.opened.notices.unreached("none"),
    "notices.bounced": lambda world: world.opened.notices.bounced("none", f"profile:{BELA}"),
    "notices.try_out": lambda world: world.opened.notices.try_out("a@example.org", LETTER),
    "webhooks.waiting": lambda world: world.opened.webhooks.waiting(),
    "webhooks.retry": lambda world: world.opened.webhooks.retry(),
    "families.decisions": lambda world: world.opened.families.decisions(),
    "families.family_of": lambda world: world.opened.families.family_of(f"profile:{BELA}"),
    "families.decide": lambda world: world.opened.families.decide(str(uuid4()), "ef" * 16, MembershipRole.GUARDIAN),
    "staff.directory": lambda world: world.opened.staff.directory().members(),
    "retention.publish": lambda world: world.opened.retention.publish(world.home.folder / "policy"),
    "gates.open": lambda world: world.opened.gates.open().may_use(Subject("profile", BELA), "train"),
    "gates.publish": lambda world: world.opened.gates.publish(),
    "gates.issue": lambda world: world.opened.gates.issue(f"training-{threading.get_ident()}"),
    "gates.read_manifest": lambda world: world.opened.gates.read_manifest(b"none"),
    "gates.was_in": lambda world: world.opened.gates.was_in(world.opened.gates.read_manifest(b"none"), Subject("profile", BELA)),
    **_of_vault("vault"),
    **_of_vault("adoption"),
    "adoption.forecast": lambda world: world.opened.adoption.forecast("doorbell", "doorbell_clear"),
    "adoption.adopt": lambda world: world.opened.adoption.adopt("doorbell", "doorbell_clear"),
    **_of_vault("derivations"),
    "derivations.derive": lambda world: world.opened.derivations.derive("doorbell/a/b", "waves", lambda _: b"", purpose="look"),
    "derivations.draw": lambda world: world.opened.derivations.draw("doorbell/a/b", "waves", purpose="look"),
    **_of_vault("readings"),
    "readings.reading": lambda world: _read_all(world.opened),
    "readings.opened_in": lambda world: _read_all(world.opened),
    "epochs.status": lambda world: world.opened.epochs.status(),
    "epochs.rotate": lambda world: world.opened.epochs.rotate(),
    "epochs.message": lambda world: world.opened.epochs.message(1),
    "epochs.approve": lambda world: world.opened.epochs.approve(1, "Priya", ""),
    "epochs.require_approved": lambda world: world.opened.epochs.require_approved(1),
    "epochs.destroy": lambda world: world.opened.epochs.destroy(1),
    "epochs.who_can_read": lambda world: world.opened.epochs.who_can_read(),
    "epochs.opening_alone": lambda world: world.opened.epochs.opening_alone(),
    "epochs.accept_older": lambda world: world.opened.epochs.accept_older("Priya", "the disk was lost"),
    "access.requests": lambda world: world.opened.access.requests(),
    "access.request": lambda world: world.opened.access.request("00" * 8),
    "access.watched": lambda world: world.opened.access.watched(world.opened.access.request("00" * 8)),
    "access.need": lambda world: world.opened.access.need(world.opened.access.request("00" * 8)),
    "access.ask": lambda world: world.opened.access.ask("nobody", NEW_REVIEW),
    "access.message": lambda world: world.opened.access.message("00" * 8),
    "access.approve": lambda world: world.opened.access.approve("00" * 8, "Priya", ""),
    "access.activate": lambda world: world.opened.access.activate("00" * 8),
    "access.revoke": lambda world: world.opened.access.revoke("00" * 8),
    "access.named": lambda world: world.opened.access.named("nobody"),
    "access.labels": lambda world: world.opened.access.labels(),
    "access.looks": lambda world: list(world.opened.access.looks()),
    "access.prove": lambda world: world.opened.access.prove(),
    "findings.run": lambda world: world.opened.findings.run(),
    "findings.all": lambda world: world.opened.findings.all(),
    "findings.named": lambda world: world.opened.findings.named("00"),
    "findings.compared": lambda world: world.opened.findings.compared("00"),
    "findings.message": lambda world: world.opened.findings.message("00", FindingReason.WORK, "HR-1"),
    "findings.decide": lambda world: world.opened.findings.decide("00", "nobody", Judgement(FindingReason.WORK, "HR-1")),
    "findings.decide_signed": lambda world: world.opened.findings.decide_signed("00", "Priya", Judgement(FindingReason.WORK, "HR-1"), ""),
    "findings.tell_officer": lambda world: world.opened.findings.tell_officer(),
    "incidents.refresh": lambda world: world.opened.incidents.refresh(),
    "incidents.all": lambda world: world.opened.incidents.all(),
    "incidents.named": lambda world: world.opened.incidents.named("00"),
    "incidents.views": lambda world: world.opened.incidents.views(),
    "incidents.view": lambda world: world.opened.incidents.view("00"),
    "incidents.counted_again": lambda world: world.opened.incidents.counted_again(COUNTED),
    "incidents.enter": lambda world: world.opened.incidents.enter(INCIDENT),
    "incidents.grow": lambda world: world.opened.incidents.grow("00", IncidentScope(Source.VIEWS, "x", NOON, LATER), "SEC-1"),
    "incidents.state": lambda world: world.opened.incidents.state("00", NewFact(IncidentFact.ENDED, NOON, "SEC-1")),
    "incidents.join": lambda world: world.opened.incidents.join("00", "11", "SEC-1"),
    "incidents.message": lambda world: world.opened.incidents.message("00", IncidentVerdict.NONE, "SEC-1"),
    "incidents.close": lambda world: world.opened.incidents.close("00", "nobody", Closing(IncidentVerdict.NONE, "SEC-1")),
    "incidents.close_signed": lambda world: world.opened.incidents.close_signed("00", "Priya", Closing(IncidentVerdict.NONE, "SEC-1"), ""),
    "incidents.letter": lambda world: world.opened.incidents.letter("00", LetterTo.AUTHORITY),
    "incidents.verify": lambda world: world.opened.incidents.verify(),
    "openings.chosen": lambda world: list(world.opened.openings.chosen()),
    "openings.inventory": lambda world: list(world.opened.openings.inventory()),
    "openings.review": lambda world: world.opened.openings.review(),
    "consents.give": lambda world: world.opened.consents.give(world.opened.resolve(PARENT), "training", AGREED),
    "consents.register": lambda world: world.opened.consents.register(),
    "consents.stop_location": lambda world: world.opened.consents.stop_location(world.person()),
    "consents.ask": lambda world: world.opened.consents.ask(world.opened.resolve(PARENT), "training"),
    "consents.texts": lambda world: world.opened.consents.texts(),
    "consents.text": lambda world: world.opened.consents.text("training", "1"),
    "consents.prove": lambda world: world.opened.consents.prove(
        world.opened.resolve(CHILD), world.opened.resolve(PARENT), born=date(2020, 6, 15), method="on paper", by="Priya"
    ),
    "consents.end": lambda world: world.opened.consents.end("grd-nobody", EndReason.CUSTODY, "Priya"),
    "consents.freeze": lambda world: world.opened.consents.freeze(world.person(), by="Priya", reason="two parents"),
    "consents.release": lambda world: world.opened.consents.release(world.person(), by="Priya", reason="a court decided"),
    "consents.methods": lambda world: world.opened.consents.methods(),
    "consents.method": lambda world: world.opened.consents.method("paper"),
    "consents.ask_guardian": lambda world: world.opened.consents.ask_guardian(world.opened.consents.method("paper"), world.question()),
    "consents.answer": lambda world: world.opened.consents.answer(world.opened.consents.method("paper"), "nobody", HandedEvidence("")),
    "consents.answer_any": lambda world: world.opened.consents.answer_any("nobody", ""),
    "consents.asked": lambda world: world.opened.consents.asked(),
    "consents.receipt": lambda world: world.opened.consents.receipt("con-nobody"),
    "consents.invite": lambda world: world.opened.consents.invite(NewInvitation(world.person())),
    "consents.evidence": lambda world: world.opened.consents.evidence("nobody"),
    "consents.sweep": lambda world: world.opened.consents.sweep({}),
    "consents.withdraw": lambda world: world.opened.consents.withdraw(world.opened.resolve(PARENT), "training"),
    "consents.merge": lambda world: world.opened.consents.merge(world.person(CARA), world.person(DINO), by="Priya", reason="one child"),
    "consents.split": lambda world: world.opened.consents.split(world.person(CARA), world.person(DINO), by="Priya", reason="two children"),
    "disgorgements.read": lambda world: world.opened.disgorgements.read(AGENCY),
    "disgorgements.preview": lambda world: world.opened.disgorgements.preview(world.opened.disgorgements.read(AGENCY)),
    "disgorgements.enter": lambda world: world.opened.disgorgements.enter(world.opened.disgorgements.read(AGENCY)),
    "disgorgements.again": lambda world: world.opened.disgorgements.again("nobody"),
    "disgorgements.look": lambda world: world.opened.disgorgements.look("nobody"),
    "disgorgements.standing": lambda world: world.opened.disgorgements.standing("nobody"),
    "disgorgements.standings": lambda world: world.opened.disgorgements.standings(),
    "disgorgements.decide": lambda world: world.opened.disgorgements.decide("nobody", "item", tainted=False, by="Priya", reason="random"),
    "disgorgements.check_claim": lambda world: world.opened.disgorgements.check_claim(LIMB),
    "disgorgements.except_item": lambda world: world.opened.disgorgements.except_item(LIMB, ""),
    "disgorgements.forward": lambda world: world.opened.disgorgements.forward("nobody"),
    "disgorgements.statement": lambda world: world.opened.disgorgements.statement("nobody"),
    "models.looked_at": lambda world: world.opened.models.looked_at(world.done, "voice", "it is only noise"),
}
"""Every verb with a call, in an order that makes sense. One that is refused has to close what it opened as well."""

ITEM = {f"voice/{CARA}/rec-cara-0-X7.wav"}
STATELESS = {
    "accept_rollback", "candidates", "resolve", "resolve_all", "contact", "residue", "trust_policy", "leases", "worker", "work", "gate",
    "scoped.about_class", "scoped.reach_of_items", "consents.invite", "exports.beside", "exports.key", "exports.read",
    "notices.send_cohort", "cosign_log", "published_policy",
    "retention.preview", "retention.disclosures",
    "gates.open", "gates.issue", "gates.read_manifest", "gates.was_in", "consents.methods", "consents.method",
    "consents.prove", "consents.ask_guardian", "consents.answer", "consents.receipt", "disgorgements.read", "dues.in_scope",
    "records.trust_policy", "residue_groups", "uses.message_of_review", "uses.message_of_assurance", "uses.review", "uses.assure",
    "uses.review_faults", "staff.record_equivalence", "staff.link", "staff.approving_passkeys",
    "families.family_of", "notices.send_due", "notices.try_out",
    "epochs.status", "epochs.message", "epochs.approve", "openings.inventory", "derivations.derive",
    "derivations.draw", "policies.in_force",
    *(f"{name}.{verb}" for name in ("vault", "adoption", "derivations", "readings") for verb in (
        "renew_gate", "gate", "datasets", "named", "names", "recordings", "readable", "readable_page", "sealed_recording",
        "opened_for_review",
    )),
}  # fmt: skip
"""Verbs that do not read the state database, or not with the map of this test and with state in a file."""


def verbs(opened: Expunge) -> set[str]:
    """Every public method of an installation and of its desks, as it is called; constructors, ``close`` and ``stay`` are not verbs."""
    found = {name for name, _ in inspect.getmembers(Expunge, inspect.isfunction) if not name.startswith("_")} - {"close", "stay"}
    late = {name: getattr(opened, name) for name, _ in inspect.getmembers(Expunge, lambda part: isinstance(part, cached_property))}
    others = {
        name: value
        for name, value in {**vars(opened), **late}.items()
        if not name.startswith("_") and name not in {"map", "context", "clock_behind", "rollback"}
    }
    for name, desk in others.items():
        assert isinstance(desk, DomainService), f"{name}: neither a desk nor plain data; say here which verbs it has"
        found |= {f"{name}.{verb}" for verb, _ in inspect.getmembers(desk, inspect.ismethod) if not verb.startswith("_")} - {
            f"{name}.changing",
            f"{name}.alone",
        }
    return found


class Meter:
    """Sees every connection to a state database that Django opens, and keeps those that nobody closes from being collected unseen."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def __call__(self, sender: object, connection: Any, **_: object) -> None:
        if connection.alias.startswith("expunge-"):
            self.seen.append(connection.connection)

    def open(self) -> int:
        """How many are open now, in all threads."""
        return sum(not _closed(connection) for connection in self.seen)


def _closed(connection: Any) -> bool:
    if not isinstance(connection, sqlite3.Connection):
        return bool(connection.closed)
    try:
        return connection.total_changes < 0
    except sqlite3.ProgrammingError:
        return True


def descriptors(folder: Path | None = None) -> Counter[str]:
    """What the descriptors of this process lead to, below a folder or anywhere."""
    found: Counter[str] = Counter()
    for path in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found[str(path.readlink())] += 1
    found = Counter({target: number for target, number in found.items() if not target.startswith("/proc/")})
    return found if folder is None else Counter({target: number for target, number in found.items() if target.startswith(f"{folder}/")})


@pytest.fixture
def meter() -> Iterator[Meter]:
    made = Meter()
    connection_created.connect(made)
    gc.collect()
    gc.disable()
    try:
        yield made
    finally:
        gc.enable()
        connection_created.disconnect(made)


def company(home: Household, **options: str) -> Household:
    asking(home)
    home.write_map(more=VAULT + PURPOSES, **options)
    return with_vault(home)


def with_vault(home: Household) -> Household:
    """Declare the store and the period of the sealed recordings, and lay some down that are not sealed yet."""
    text = home.map.read_text().replace("stores:\n", "stores:\n  sealed: {kind: vault, url: ./world/vault}\n", 1)
    seen = "  seen: {period: 30 days, from: modified, purpose: show who rang, need: contract}\n"
    home.map.write_text(text.replace("retention:\n", f"retention:\n{seen}", 1))
    for folder, name in ((home.world / "media", f"doorbell/{DINO}/r-2.wav"), (home.folder / "rang", RANG)):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(b"somebody rang")
    return home


@contextmanager
def opened_world(home: Household) -> Iterator[World]:
    with Expunge.open(home.map) as opened:
        orders = [opened.order_erase([opened.resolve(f"profile:{who}")], contact="x@example.org").order for who in (ANNA, BELA, CARA)]
        for order in orders[:2]:
            opened.plan(order)
        opened.apply(orders[0])
        opened.vault.renew_gate()
        opened.vault.ingest("doorbell", RANG, io.BytesIO(b"somebody rang"))
        yield World(home, opened, *orders)


def in_a_thread(call: Callable[[], object]) -> None:
    """Run a call to its end in a thread of its own; a refusal is an answer, everything else is raised here."""
    with ThreadPoolExecutor(1) as pool, suppress(ExpungeError):
        pool.submit(call).result()


def test_every_verb_has_a_call(home: Household) -> None:
    with home.open() as opened:
        assert verbs(opened) == set(VERBS)


def test_what_a_verb_opens_in_a_thread_is_closed_when_it_returns(home: Household, meter: Meter) -> None:
    before = descriptors()
    left, idle = {}, set()
    with opened_world(company(home)) as world:
        assert meter.open() == 1, "that of the thread that opened it"
        # SQLite keeps the descriptor of a closed connection for the next one, while another connection to the file is open.
        in_a_thread(world.opened.orders)
        held = descriptors(home.state)
        for name, call in VERBS.items():
            seen = len(meter.seen)
            in_a_thread(lambda call=call: call(world))  # type: ignore[misc]
            if (meter.open(), descriptors(home.state)) != (1, held):
                left[name] = meter.open(), descriptors(home.state) - held
            if len(meter.seen) == seen:
                idle.add(name)
    assert left == {}
    assert sorted(idle ^ set(STATELESS)) == [], "the others opened a connection, so that this test says something about them"
    assert meter.open() == 0
    assert descriptors() - before == Counter()


def test_what_a_verb_opens_in_the_thread_that_opened_the_installation_is_closed_with_it(home: Household, meter: Meter) -> None:
    before = descriptors()
    left = {}
    with opened_world(company(home)) as world:
        held = descriptors(home.state)
        for name, call in VERBS.items():
            with suppress(ExpungeError):
                call(world)
            if (meter.open(), descriptors(home.state)) != (1, held):
                left[name] = meter.open(), descriptors(home.state) - held
    assert left == {}
    assert len(meter.seen) < 5, "it is kept from one verb to the next"
    assert meter.open() == 0
    assert descriptors() - before == Counter()


READING = ("status", "orders", "locate", "retention.keep", "dues.all", "consents.register", "verify", "submit")


def test_two_installations_and_threads_that_live_on(template: Household, tmp_path: Path, meter: Meter) -> None:
    """Closing one closes nothing of the other, and after both nothing is open, while the threads still live."""
    before = descriptors()
    homes = [company(copy(template, tmp_path / name)) for name in ("one", "two")]
    with ThreadPoolExecutor(4) as pool:
        with opened_world(homes[0]) as one:
            with opened_world(homes[1]) as two, Expunge.open(homes[1].map) as again:
                _all_at_once(pool, [one, two])
                assert meter.open() == 2, "each installation's one; the third shares its thread's"
                again.close()
                assert meter.open() == 2
            assert meter.open() == 1
            _all_at_once(pool, [one])
            assert meter.open() == 1
        assert meter.open() == 0
        assert descriptors() - before - Counter({target: n for target, n in descriptors().items() if "pipe" in target}) == Counter()


def _all_at_once(pool: ThreadPoolExecutor, worlds: list[World]) -> None:
    running = [pool.submit(VERBS[name], world) for name in READING for world in worlds]
    for each in running:
        assert isinstance(each.exception(), ExpungeError | None)


def test_it_is_closed_from_another_thread_than_the_one_that_opened_it(home: Household, meter: Meter) -> None:
    with ThreadPoolExecutor(1) as pool:
        opened = pool.submit(Expunge.open, home.map).result()
        assert meter.open() == 1
        opened.close()
        assert meter.open() == 0
        assert pool.submit(opened.orders).result() == ()
        assert meter.open() == 0, "what is called after the end opens for itself"
    with ThreadPoolExecutor(1) as pool:
        opened = pool.submit(Expunge.open, home.map).result()
    assert meter.open() == 1, "whoever opened it has ended, and what it opened is not lost"
    opened.close()
    assert meter.open() == 0


def test_an_installation_that_cannot_be_opened_leaves_nothing_open(home: Household, meter: Meter) -> None:
    assert home.erase(f"profile:{ANNA}")
    before = descriptors()
    log = home.state / "log"
    (log / "checkpoint").write_bytes(b"no checkpoint\n")
    with pytest.raises(ExpungeError):
        Expunge.open(home.map)
    assert (meter.open(), descriptors() - before) == (0, Counter())
    database = home.state / "state.db"
    database.write_bytes(database.read_bytes().replace(b'CREATE TABLE "django_', b'CREATE TABXE "django\xff'))
    opened: list[sqlite3.Connection] = []

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "sqlite3.connect/handle" and opened is not None:
            opened.append(arguments[0])

    sys.addaudithook(heard)
    with pytest.raises(StateCorrupt):
        Expunge.open(home.map)
    listened, opened = opened, []
    assert listened
    assert all(map(_closed, listened)), "nor the connection that Django could not set up"
    assert (meter.open(), descriptors() - before) == (0, Counter())


def test_the_doors_threads_keep_theirs_until_it_is_closed(home: Household, meter: Meter) -> None:
    with LineageDoor.open(home.map) as door:
        with ThreadPoolExecutor(3) as pool:
            start = threading.Barrier(3)

            def asked() -> None:
                door.stay()
                start.wait()
                for _ in range(20):
                    door.look()
                    door.admit("Bearer nobody", TokenScope.LINEAGE)

            for each in [pool.submit(asked) for _ in range(3)]:
                each.result()
            assert (meter.open(), len(meter.seen)) == (4, 4)
        in_a_thread(door.stay)
        assert meter.open() == 1, "those of threads that have ended are closed by the next that comes"
        in_a_thread(door.look)
        assert meter.open() == 1
    assert meter.open() == 0


SERVER = {
    "leases", "worker", "work", "apply", "submit", "status", "orders", "retention.keep", "sweep", "run_due",
    "vault.ingest", "vault.open", "vault.openings", "epochs.rotate", "epochs.destroy", "epochs.who_can_read", "adoption.adopt",
}  # fmt: skip


def test_on_a_server_too(home: Household, database: str, meter: Meter) -> None:
    home.map.write_text(home.map.read_text().replace("state: ./state", f"state: {database}\nstate_folder: ./shared"))
    Expunge.init(home.map)
    before = descriptors()
    left = {}
    with opened_world(company_on(home, database)) as world:
        for name, call in VERBS.items():
            if name in SERVER:
                in_a_thread(lambda call=call: call(world))  # type: ignore[misc]
                if meter.open() != 1:
                    left[name] = meter.open()
    assert left == {}
    assert meter.open() == 0
    assert descriptors() - before == Counter()
    with psycopg.connect(database) as looking:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        # The server notices the end of a connection a moment later.
        until = time.monotonic() + 60
        while looking.execute(query).fetchone() != (0,):
            assert time.monotonic() < until
            looking.rollback()
            time.sleep(0.05)


def company_on(home: Household, database: str) -> Household:
    company(home)
    home.map.write_text(home.map.read_text().replace("state: ./state", f"state: {database}\nstate_folder: ./shared"))
    return home
