"""A journal with every kind of event, every optional field and every nested value: of a company, its orders and its registers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import cycle
from pathlib import Path

from expunge.core.accounts import family_events as fe
from expunge.core.accounts import staff_events as se
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.accounts.review_spec import ReviewLimits, WorkingHours
from expunge.core.accounts.staff import JobFunction, StaffRight
from expunge.core.consent import consent_events as ce
from expunge.core.consent import consent_request_events as ask
from expunge.core.consent import use_records
from expunge.core.datamap.artefact import ArtefactKind, Cohort, DataKind
from expunge.core.datamap.purposes import Terms, Use
from expunge.core.discovery.discovery import PlacesSearched
from expunge.core.disgorgement import disgorgement_events
from expunge.core.disgorgement.disgorgement import (
    CoveredData,
    Direction,
    Disgorgement,
    Exemption,
    Limb,
    LimbDeadline,
    LimbRecipient,
    StatementDuty,
    Trigger,
)
from expunge.core.evidence import receipt, receipt_codec, verification_codec
from expunge.core.journal import access_tokens, recipient_ledger
from expunge.core.journal import events as ev
from expunge.core.journal.epoch_events import EpochApproved, EpochDestroyed, EpochEnding, EpochRotated, ShredsAccepted, ShredsEntered
from expunge.core.journal.export_events import ExportBegun, ExportEnd, ExportEnded, ExportFetched, ExportMadeAgain, ExportReady, ExportTold
from expunge.core.journal.finding_events import FindingDecided, FindingGrew, FindingOpened, FindingReason, NoticingRun
from expunge.core.journal.incident_events import (
    IncidentCounted,
    IncidentDecided,
    IncidentFact,
    IncidentGrew,
    IncidentJoined,
    IncidentKind,
    IncidentOpened,
    IncidentsCommitted,
    IncidentScope,
    IncidentsLogged,
    IncidentStated,
    IncidentVerdict,
    IncidentWord,
    ScopeSource,
    TakeoverSign,
)
from expunge.core.journal.ledger_events import LedgerLogged, LedgerStated
from expunge.core.journal.notice_events import (
    CohortBounced,
    CohortFound,
    CohortSent,
    CohortTried,
    LetterResult,
    NoticeKind,
    NoticeSent,
    NoticesSeen,
    NoticeTried,
)
from expunge.core.journal.opening_events import OpeningRefused, OpeningsReviewed, RecordingOpened
from expunge.core.journal.policy_events import PolicyPublished, PolicySet, PolicyWithdrawn, ViewsReplayed
from expunge.core.journal.posting_events import TextMissing, TextPosted
from expunge.core.journal.reminder_events import LocationReminded, LocationSwitchedOff
from expunge.core.journal.review_events import (
    BreakGlassReviewed,
    ClarityChanged,
    LeaseBegun,
    LeaseEnded,
    OutcomeEntered,
    ReviewAnswered,
    ReviewNoteKept,
    ReviewNotesEnded,
    ReviewRecused,
    ReviewRequested,
    ReviewsBarred,
    ReviewsCommitted,
    ReviewsLogged,
    ViewGiven,
    ViewRefused,
    ViewReported,
    ViewServed,
)
from expunge.core.journal.review_words import (
    AnswerBy,
    CaseKind,
    Clarity,
    DeskAct,
    LeaseEnding,
    NoteAbout,
    RecusalReason,
    ReviewOutcome,
    ReviewPurpose,
    Room,
    Sound,
)
from expunge.core.journal.thread_events import MessageKind, MessageWritten, ThreadEnded, ThreadSide
from expunge.core.lineage.observations import ColumnFlow, LineageTold, Observation, Observed, RunStage, pack
from expunge.core.models.membership_opinion import Opinion
from expunge.core.models.model_outcomes import (
    ArtefactCleared,
    ArtefactRemade,
    ComparisonResult,
    ModelsBlocked,
    ModelsFreed,
    NetworkAccess,
    SourceAccess,
)
from expunge.core.orders.plan import Plan, Step, StepKind
from expunge.core.retention import inactivity, public_claims
from expunge.core.retention.own_periods import OwnPeriod, OwnPeriodChosen
from expunge.core.values.cause import (
    ByDisgorgement,
    ByGuardian,
    ByInactivity,
    ByOwnPeriod,
    ByRetention,
    ByRule,
    ByWithdrawal,
    Cause,
    OnRequest,
    Reappeared,
)
from expunge.core.values.hold import Hold
from expunge.core.values.ids import IdempotencyKey, OrderId, Pseudonym, StepId
from expunge.core.values.order import OrderKind, OrderState
from expunge.core.values.outcome import Absent, Erased, Kept, Outcome, Reason, Unable, Unknown
from expunge.core.values.periods import Period
from expunge.core.values.scope import ItemScope, Scope
from expunge.core.verification.ledger_record import LedgerKind, LedgerRecord
from tests.evidence_kit import absent, entry, fulfilled, in_part, opinion, recognised

HERE = Path(__file__).parent / "vectors" / "journal"
EVENTS = HERE / "events"
START = datetime(2026, 3, 1, 9, tzinfo=UTC)
NOW = START + timedelta(days=400)
"""After everything in the journal: registers are folded as of then."""
MIA, BEN, EVE, MUM, DAD = (Pseudonym(letter * 32) for letter in "abcde")
LIFE, SCOPED, LATER, RETIRED, UNUSED, TAKEN = (OrderId(f"ord-{letter * 20}") for letter in "abcdef")
SHARED = OrderId("ord-nnnnnnnnnnnnnnnnnnnn")
ITEMS = OrderId("ord-oooooooooooooooooooo")
EVERY_OUTCOME: tuple[Outcome, ...] = (
    Erased(3, 4096),
    Absent(),
    Unable(Reason.READER_OPEN, "close the reader of app"),
    Kept("a hold", START + timedelta(days=90), 2),
    Kept("tax law", None),
    Unknown(),
)


class Times:
    """Instants, each some seconds after the one before; every second one has microseconds."""

    def __init__(self, start: datetime) -> None:
        self.last = start
        self._count = 0

    def __call__(self) -> datetime:
        self._count += 1
        self.last += timedelta(seconds=40, microseconds=125_000 * (self._count % 2))
        return self.last


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def every_step() -> tuple[Step, ...]:
    """A plan's steps, one of each kind."""
    stores = {StepKind.TRACE: "app", StepKind.LOOK: "app", StepKind.PURGE: "app", StepKind.VERIFY: "app"}
    notes = {StepKind.KEEP: "tax law", StepKind.MANUAL: "retrain: no runner for this action"}
    steps: list[Step] = []
    for kind in StepKind:
        after = (steps[-1].id,) if steps else ()
        name = stores.get(kind, f"d-{kind.value}")
        grounding = "scrubbed" if kind in (StepKind.ERASE, StepKind.DESTROY, StepKind.PURGE) else "none"
        steps.append(Step(StepId(f"{kind.value}:{name}"), kind, "app", (f"d-{kind.value}",), after, grounding, notes.get(kind, "")))
    return tuple(steps)


def whole_plan(order: OrderId) -> Plan:
    """Without a scope."""
    return Plan(order, (MIA, BEN), digest("map"), every_step(), ("hld-0011223344556677",))


def scoped_plan() -> Plan:
    """With a scope, and a place that pipelines were seen to fill."""
    scope = Scope("retention voice: 90 days", ("recordings", "voices"), ("voices",), {"people": 12})
    steps = (Step(StepId("erase:recordings"), StepKind.ERASE, "media", ("recordings",), (), "scrubbed"),)
    return Plan(SCOPED, (EVE,), digest("map"), steps, (), scope, (Pseudonym("9" * 32),))


def item_plan() -> Plan:
    """About named items of a person."""
    scope = ItemScope(
        "2 named items of recordings, and what was made from them",
        ("labels", "recordings", "transcripts"),
        ("transcripts",),
        {"items": 2},
        {"recordings": 2},
        ("labels",),
    )
    steps = (Step(StepId("erase:recordings"), StepKind.ERASE, "media", ("recordings",), (), "scrubbed"),)
    return Plan(ITEMS, (MIA,), digest("map"), steps, (), scope)


def shared_plan() -> Plan:
    """With people outside the order who lose something by it."""
    return replace(whole_plan(SHARED), bystanders={"groups": 2, "lines": 1}, bystanders_in_all=2)


def received(at: datetime, order: OrderId, kind: OrderKind, subjects: tuple[Pseudonym, ...], **more: object) -> ev.Received:
    said: dict[str, object] = {
        "channel": "cli",
        "cause": OnRequest("signed in with two factors"),
        "requester": "priya",
        "earliest": at + timedelta(days=1),
        "follows": None,
    }
    commitments = tuple(receipt_codec.to_json(bytes([at]) * 32) for at in range(len(subjects)))
    return ev.Received(at, order, kind, subjects, commitments, **{**said, **more})  # type: ignore[arg-type]


def entries() -> str:
    """What a verify step found of two people, as it is journalled."""
    kept = [receipt_codec.to_json(each) for each in in_part().kept]
    mine = {"datasets": [receipt_codec.to_json(each) for each in (entry(), absent())], "kept": []}
    theirs = {"datasets": [receipt_codec.to_json(each) for each in in_part().datasets], "kept": kept}
    return verification_codec.pack({MIA: mine, BEN: theirs})


def planned(at: datetime, plan: Plan) -> ev.Planned:
    return ev.Planned(at, plan.digest, plan.to_bytes().decode(), {"d-erase": 7})


def life() -> Iterator[ev.OrderEvent]:
    """An order through everything that can happen to one: in part, taken up again, fulfilled, data came back."""
    at = Times(START)
    yield received(at(), LIFE, OrderKind.ERASURE, (MIA, BEN))
    yield ev.Fenced(at())
    plan = whole_plan(LIFE)
    yield planned(at(), plan)
    yield ev.Approved(at(), plan.digest, "officer", "c2lnbmF0dXJl")
    yield ev.Queued(at(), at.last + timedelta(days=7))
    yield ev.Unqueued(at(), "the map has changed since the plan was made")
    yield ev.Queued(at(), at.last)
    yield ev.RoundStarted(at(), 1, (LIFE, LATER))
    yield ev.StepIntended(at(), StepId("erase:d-erase"), 1, IdempotencyKey("a-key"), 7)
    yield ev.Located(at(), {"d-erase": {MIA: 3, BEN: 0}}, {"d-erase": {BEN: 2}})
    outcomes = {f"d-{number}": {MIA: outcome} for number, outcome in enumerate(EVERY_OUTCOME)}
    first = [reason for reason in Reason if reason is not Reason.MENTIONED]
    reasons = {f"d-{reason.name}": {MIA: Unable(reason, "what, where and what to do")} for reason in first}
    yield ev.StepEnded(at(), StepId("erase:d-erase"), 1, {"d-erase": {MIA: Erased(3), BEN: Absent()}, **outcomes, **reasons}, {"items": 3})
    yield ev.StepIntended(at(), StepId("purge:app"), 1, IdempotencyKey("b-key"))
    yield ev.StepEnded(at(), StepId("purge:app"), 1, {"*": {"*": Absent()}}, {})
    yield from remade(at)
    yield ev.Judged(at(), "app", entries())
    statement = receipt.build(in_part()).decode()
    yield ev.ReceiptStated(at(), BEN, statement, digest("leaf of ben"), 41)
    yield ev.ReceiptLogged(at(), BEN, 41, 42, digest("root 42"))
    yield ev.Extended(at(), "a reader holds the database open; it is closed on Monday")
    yield ev.Ended(at(), OrderState.IN_PART, ("d-erase: reader open", "d-keep: kept for tax law"), final=False)
    yield planned(at(), plan)
    yield ev.RoundStarted(at(), 2)
    yield ev.StepIntended(at(), StepId("erase:d-erase"), 1, IdempotencyKey("c-key"), 8)
    yield ev.ReceiptStated(at(), MIA, receipt.build(fulfilled()).decode(), digest("leaf of mia"), 42)
    yield ev.ReceiptLogged(at(), MIA, 42, 43, digest("root 43"))
    yield ev.Ended(at(), OrderState.FULFILLED, (), final=True)
    yield ev.OrderKeyDestroyed(at())
    yield ev.Reverified(at(), 1, 188)
    yield ev.TracesEnded(at())
    yield ev.Reopened(at(), LATER)
    # Why at the end: a word that came later has a line of its own, and no older line changes.
    named = Unable(Reason.MENTIONED, "what, where and what to do")
    yield ev.StepEnded(at(), StepId("erase:d-erase"), 1, {"d-erase": {MIA: named}}, {})
    old, new, fresh, again = ((digest(name),) for name in ("old weights", "new weights", "fresh weights", "again"))
    differs, learnt = (ComparisonResult.DIFFERS, SourceAccess.HIDDEN), (digest("learnt"),)
    yield ArtefactRemade(at(), "intents", tuple(sorted(old + new)), new, *differs, fresh=fresh, again=again, weights=learnt, disputed=new)


def remade(at: Times) -> Iterator[ArtefactRemade]:
    """Models: one that was made anew and compared, one of which a version stayed, one that a reviewer has looked at."""
    old, new = digest("old weights"), digest("new weights")
    stayed = ArtefactCleared((digest("faces 4"),), START - timedelta(days=9), ("labels", "recordings"), ComparisonResult.EQUAL)
    yield ArtefactRemade(at(), "voices", (old,))
    yield ArtefactRemade(
        at(),
        "voices",
        (old,),
        (new,),
        ComparisonResult.EQUAL,
        SourceAccess.HIDDEN,
        {"accuracy_before": 9268, "samples": 12},
        ("encoder: public",),
        opinion(),
        NetworkAccess.SHUT,
        stayed=(stayed,),
        ended=True,
    )
    yield ArtefactRemade(
        at(),
        "intents",
        (old,),
        (old,),
        ComparisonResult.DIFFERS,
        SourceAccess.OPEN,
        membership=recognised(looked_at="chance, as the officer agrees"),
        network=NetworkAccess.OPEN,
        unchanged=True,
        doubted=True,
    )
    nobody_knows = opinion(verdict=Opinion.INCONCLUSIVE, control=Opinion.INCONCLUSIVE, before=opinion().after)
    yield ArtefactRemade(at(), "faces", (), proof=ComparisonResult.COULD_NOT, network=NetworkAccess.COULD_NOT, membership=nobody_knows)


def short_orders() -> dict[str, tuple[ev.Event, ...]]:
    """One order of each other kind, each at another state."""
    at = Times(START + timedelta(days=20))
    scope = Scope("retention voice: 90 days", ("recordings", "voices"), ("voices",), {"people": 12})
    plan = scoped_plan()
    scoped = (
        received(at(), SCOPED, OrderKind.EXPIRY, (EVE,), scope=scope, channel="library", cause=ByRule(""), requester=""),
        ev.Fenced(at()),
        planned(at(), plan),
        ev.Approved(at(), plan.digest, "officer", ""),
        ev.Cancelled(at(), "the period was entered wrongly"),
    )
    later = (received(at(), LATER, OrderKind.ERASURE, (MIA,), follows=LIFE, channel="sweep"), ev.Fenced(at()))
    retired = (received(at(), RETIRED, OrderKind.WITHDRAWAL, (EVE,), scope=Scope("consent to training withdrawn", ("recordings",))),)
    plan = whole_plan(UNUSED)
    odd = ByRule("case 7 \u2013 \u201cpapiers v\u00e9rifi\u00e9s\u201d \\ \U0001f5c2")
    unused = (
        received(at(), UNUSED, OrderKind.INACTIVITY, (BEN,), cause=odd),
        ev.Fenced(at()),
        planned(at(), plan),
        ev.RoundStarted(at(), 1),
        ev.Ended(at(), OrderState.FULFILLED, (), final=True),
        ev.Reopened(at(), None),
    )
    taken = (
        received(
            at(),
            TAKEN,
            OrderKind.DISGORGEMENT,
            (),
            cause=ByRule("signed in with two factors"),
            scope=Scope("order of a regulator, II.A", ("voices",), ("voices",)),
        ),
    )
    return {str(SCOPED): scoped, str(LATER): later, str(RETIRED): retired, str(UNUSED): unused, str(TAKEN): taken}


def shared() -> dict[str, tuple[ev.Event, ...]]:
    """An order by which people outside it lose something, and one about named items; there is none in the old journal."""
    at = Times(START + timedelta(days=35))
    return {
        str(SHARED): (received(at(), SHARED, OrderKind.ERASURE, (MIA, BEN)), ev.Fenced(at()), planned(at(), shared_plan())),
        str(ITEMS): (
            received(at(), ITEMS, OrderKind.ERASURE, (MIA,), scope=item_plan().scope), ev.Fenced(at()), planned(at(), item_plan()),
            ev.Approved(at(), item_plan().digest, "officer", "", "passkey https://privacy.example MFk="),
        ),
    }  # fmt: skip


def causes() -> dict[str, tuple[ev.Event, ...]]:
    """One order of each cause that the others have not; there are none in the old journal, which says causes in words."""
    at = Times(START + timedelta(days=30))
    withdrawal = OrderId("wdr-0011223344556677")
    told: tuple[tuple[OrderKind, Cause], ...] = (
        (OrderKind.ERASURE, ByGuardian("grd-0011223344556677", "signed in")),
        (OrderKind.WITHDRAWAL, ByWithdrawal(withdrawal)),
        (OrderKind.WITHDRAWAL, Reappeared(withdrawal)),
        (OrderKind.ERASURE, Reappeared()),
        (OrderKind.DISGORGEMENT, ByDisgorgement("dis-0011223344556677", "models")),
        (OrderKind.EXPIRY, ByRetention(("logs", "voice"))),
        (OrderKind.INACTIVITY, ByInactivity("profile")),
        (OrderKind.ERASURE, ByOwnPeriod(("transcripts", "voice recordings"))),
    )
    names = [OrderId(f"ord-{letter * 20}") for letter in "ghijklmz"]
    return {str(name): (received(at(), name, kind, (MIA,), cause=cause),) for name, (kind, cause) in zip(names, told, strict=True)}


def holds() -> tuple[ev.Event, ...]:
    at = Times(START + timedelta(days=40))
    first = Hold(
        "hld-0011223344556677", "invoices", MIA, "tax law", "tax office", at.last, NOW + timedelta(days=90), frozenset({"f" * 32, "0" * 32})
    )
    second = Hold(
        "hld-8899aabbccddeeff", "recordings", BEN, "litigation 12", "a court", at.last, NOW, frozenset(), True, "to answer the court"
    )
    return (
        ev.HoldPlaced(at(), first),
        ev.HoldPlaced(at(), second),
        ev.HoldEnded(at(), second.id, "settled"),
        ev.HoldStated(at(), second.id, "counsel", digest("statement")),
    )


def suppressions() -> tuple[ev.Event, ...]:
    at = Times(START + timedelta(days=50))
    return (
        ev.Suppressed(at(), LIFE, (MIA, BEN), ("00" * 16, "11" * 16), 2),
        ev.Suppressed(at(), RETIRED, (EVE,), ("22" * 16,)),
        ev.Linked(at(), LIFE, {MIA: "AAECAwQFBgcICQoLDA0ODw=="}),
        ev.Suppressed(at(), SCOPED, (EVE,), ("33" * 16,), 2),
        ev.Unsuppressed(at(), SCOPED),
    )


def consents() -> tuple[ev.Event, ...]:
    """Consent and guardians, and askings that ended in each way."""
    at = Times(START + timedelta(days=60))
    terms = Terms("make the recogniser understand children better", Use.TRAINING, ("recordings", "voices"), ("labs",))
    given = ce.ConsentGiven(
        at(),
        "cns-0000000000000001",
        MIA,
        "00" * 16,
        "training",
        "training",
        "1",
        digest("May we?"),
        terms.digest(),
        "app 4.2",
        ce.ConsentAct.PRESSED,
        "grd-0000000000000001",
        "email plus",
        carries_disclosure=True,
    )
    alone = ce.ConsentGiven(
        at(),
        "cns-0000000000000002",
        EVE,
        "22" * 16,
        "training",
        "training",
        "1",
        digest("May we?"),
        terms.digest(),
        "app",
        ce.ConsentAct.SAID,
        "",
        "signed in",
        carries_disclosure=False,
    )
    events: list[ev.Event] = [
        ce.ConsentTextFixed(at(), "training", "1", digest("May we?")),
        ce.ConsentTermsFixed(at(), terms.digest(), terms),
        ce.GuardianProven(at(), "grd-0000000000000001", MIA, "profile", MUM, "court paper", "priya"),
        ce.GuardianProven(at(), "grd-0000000000000002", MIA, "profile", DAD, "court paper", "priya"),
        given,
        alone,
        ce.ConsentWithdrawn(at(), "wdr-0000000000000001", MIA, "00" * 16, "training", "grd-0000000000000001", ("recordings",)),
        ce.WithdrawalOrdered(at(), "wdr-0000000000000001", RETIRED),
        ce.GuardianEnded(at(), "grd-0000000000000002", ce.EndReason.CUSTODY, "priya"),
        ce.ChildFrozen(at(), MIA, "00" * 16, "priya", "guardians are in dispute", ("44" * 16,)),
        ce.ChildFrozen(at(), BEN, "11" * 16, "priya", "guardians are in dispute"),
        ce.ChildReleased(at(), BEN, "priya", "settled"),
        ce.SubjectsMerged(at(), BEN, MIA, ("00" * 16, "11" * 16), "priya", "one child with two profiles"),
        ce.SubjectSplit(at(), EVE, Pseudonym("7" * 32), "77" * 16, "priya", "two children with one profile"),
    ]
    for number, act in enumerate(ce.ConsentAct):
        events.append(replace(alone, at=at(), id=f"cns-{number:015d}a", purpose=f"purpose {number}", act=act))
    for number, why in enumerate(ce.EndReason):
        proof = f"grd-{number:015d}a"
        events += [ce.GuardianProven(at(), proof, BEN, "profile", DAD, "court paper", "priya"), ce.GuardianEnded(at(), proof, why, "")]
    for use in Use:
        other = replace(terms, use=use)
        events.append(ce.ConsentTermsFixed(at(), other.digest(), other))
    for number, how in enumerate(each for each in ask.AskingEnd if each is not ask.AskingEnd.WITHDRAWN):
        request = f"ask-{number:016d}"
        events += [
            ask.ConsentAsked(
                at(),
                request,
                MIA,
                "profile",
                "00" * 16,
                MUM,
                "training",
                "training",
                "1",
                digest("May we?"),
                terms.digest(),
                "email plus",
                at.last + timedelta(days=7),
            ),
            ask.ConsentMessageSent(at(), request, 1, digest(f"token {number}"), at.last + timedelta(days=2)),
            ask.ConsentStepDone(at(), request, 1),
            ask.EvidenceKept(at(), request, digest("an identity card"), at.last + timedelta(days=30)),
            ask.EvidenceDeleted(at(), request),
            ask.AskingEnded(at(), request, how, "priya" if number % 2 else ""),
        ]
    events += [
        ce.GroundMissed(at(), "voices", "nobody has agreed", (MIA, BEN)),
        ce.GroundMissed(at(), "voices", "withdrawn", (BEN,)),
        ce.GroundFound(at(), "voices", (MIA,)),
        ce.GuardianProven(at(), "grd-0000000000000009", MIA, "profile", DAD, "court paper", "priya", "America/Los_Angeles"),
        ce.WithdrawalByAccount(at(), "wdr-0000000000000001", "40000000-0000-4000-8000-000000000000"),
    ]
    return (*events, *account_requests(at))


def account_requests(at: Times) -> tuple[ev.Event, ...]:
    """Requests of accounts of the pages, invitations, and scans that staff looked at."""
    account, request, later = "7b1f1f4e-0000-4000-8000-000000000001", "ask-00000000000000aa", at.last + timedelta(days=14)
    asked = ask.ConsentAsked(at(), request, MIA, "profile", "00" * 16, MUM, "", "", "", "", "", "signed form", later)
    chosen = ask.AskedPurpose("training", "training", "1", digest("May we?"), digest("terms"))
    events: list[ev.Event] = [
        ask.NoticeFixed(at(), 1, "en", digest("notice")),
        asked,
        ask.AccountAsked(at(), request, account, (chosen,), digest("notice"), "es", "inv-0000000000000001"),
        *(ask.NoticeDelivered(at(), request, digest("notice"), way) for way in ask.NoticeWay),
        ask.ScanHanded(at(), request, "scn-0000000000000001", digest("a scan"), "image/png"),
        ask.ScanOpened(at(), request, account),
        *(ask.ScanRefused(at(), request, why, account) for why in ask.ScanRefusal),
        ask.AccountAgreed(at(), request, "grd-0000000000000009", ("cns-0000000000000001",)),
        ask.AskingEnded(at(), request, ask.AskingEnd.AGREED, account),
        replace(asked, at=at(), request="ask-00000000000000ab"),
        ask.AskingEnded(at(), "ask-00000000000000ab", ask.AskingEnd.WITHDRAWN, ""),
    ]
    for number, how in enumerate(ask.InvitationEnd):
        name, oneself = f"inv-{number:016d}", number == 1
        events += [
            ask.GuardianInvited(at(), name, MIA, "profile", "00" * 16, digest(f"link {number}"), account, later, oneself=oneself),
            ask.InvitationEnded(at(), name, how),
        ]
    return tuple(events)


def disgorgement() -> Disgorgement:
    """An order of destruction that says everything one can say."""
    clocks = {"delete": LimbDeadline(Period(days=30), "entry"), "recipients": LimbDeadline(Period(months=2), "deletion")}
    covered = CoveredData((ArtefactKind.RAW, ArtefactKind.TRANSCRIPT), ("user.content",))
    people = Cohort("accounts", {"country": frozenset({"US", "FR"})}, {"state": frozenset({"closed"})})
    whole = Limb(
        "recordings",
        "II.A.1",
        (ArtefactKind.RAW,),
        Direction.RETROACTIVE,
        Trigger.COLLECTED,
        covered,
        people,
        START - timedelta(days=900),
        START,
        clocks,
        "an officer",
        ("children",),
    )
    models = Limb("models", "II.B", tuple(ArtefactKind), Direction.RETROACTIVE, Trigger.USED, CoveredData())
    forward = Limb("never again", "III", (ArtefactKind.MODEL,), Direction.FORWARD, Trigger.REVIEWED, covered, "children")
    dated = Exemption("law", "tax law", "tax office", ("recordings",), (ArtefactKind.RAW,), START, START + timedelta(days=3650))
    undated = Exemption("litigation", "a lawsuit", "a court", ("models",), (ArtefactKind.MODEL,))
    partner = LimbRecipient("partner", ("recordings",), (ArtefactKind.RAW,), "", {"instruct": LimbDeadline(Period(days=10), "entry")})
    further = LimbRecipient("further", ("recordings",), (ArtefactKind.RAW,), "partner", {}, blocked=False)
    sworn = StatementDuty("an officer", penalty=True, clocks={"statement": LimbDeadline(Period(days=90), "entry")})
    facts = ("II.A.1: recordings of children are deleted", "II.B: models go as well")
    return Disgorgement(
        "a company",
        "a regulator",
        "C-1234",
        "https://regulator.example/order",
        facts,
        START,
        (whole, models, forward),
        (dated, undated),
        (partner, further),
        sworn,
    )


def later_disgorgement() -> Disgorgement:
    """One that says what orders could not say at first."""
    first = disgorgement()
    limb = replace(first.limbs[0], where={"visits": {"place": frozenset({"clinic"})}}, unused_for=Period(months=36))
    return replace(first, limbs=(limb,), zone="America/Los_Angeles")


def disgorgements() -> tuple[ev.Event, ...]:
    at = Times(START + timedelta(days=70))
    bare, bare_digest = disgorgement_events.sealed(replace(disgorgement(), exemptions=(), recipients=(), sworn=None))
    text, sealed = disgorgement_events.sealed(disgorgement())
    name = "dis-0000000000000001"
    counted = disgorgement_events.CountedAnswer("children", '{"dataset":"accounts"}', 12, digest("answer"))
    return (
        disgorgement_events.DisgorgementEntered(at(), name, "priya", sealed, text),
        disgorgement_events.DisgorgementEntered(at(), "dis-0000000000000002", "", bare_digest, bare),
        disgorgement_events.LimbExamined(
            at(), name, "recordings", TAKEN, {"recordings": 42}, {"voices": ("4", "5")}, (counted,), {"lake": "unreachable"}
        ),
        disgorgement_events.LimbExamined(at(), name, "models", None, {}, {}, (), {}),
        disgorgement_events.UnknownDecided(at(), name, "models/7", True, "officer", "nobody can tell"),
        disgorgement_events.ItemExcepted(at(), name, "recordings", "recordings/1", "law", "tax law", "tax office", NOW, "officer", "c2ln"),
        disgorgement_events.ItemExcepted(
            at(), name, "models", "models/8", "", "cannot be destroyed", "engineering", None, "officer", "c2ln"
        ),
        disgorgement_events.StatementDrafted(at(), name, digest("statement")),
        disgorgement_events.LimbExamined(at(), name, "models", None, {}, {}, (), {}, ("models/9", "voices: items without a readable date")),
    )


def told_recipients() -> tuple[ev.Event, ...]:
    at = Times(START + timedelta(days=80))
    names = ("lab", "shop", "bureau")
    events: list[ev.Event] = [recipient_ledger.EgressSeen(at(), "lab", "recordings", "pipeline nightly")]
    events += [recipient_ledger.RecipientInstructed(at(), LIFE, name, ("recordings",), digest(name)) for name in names]
    events += [recipient_ledger.RecipientTold(at(), LIFE, name, "posted") for name in names]
    return (
        *events,
        recipient_ledger.RecipientConfirmed(at(), LIFE, "lab", recipient_ledger.RecipientAnswer.DONE, recipient_ledger.SIGNATURE),
        recipient_ledger.RecipientConfirmed(at(), LIFE, "shop", recipient_ledger.RecipientAnswer.IN_PART, "priya"),
        recipient_ledger.RecipientAsked(at(), LIFE, "lab", 0),
        recipient_ledger.RecipientAsked(at(), LIFE, "bureau", 3),
        recipient_ledger.RecipientAsked(at(), LIFE, "shop", -1),
    )


def unused() -> tuple[ev.Event, ...]:
    at = Times(START + timedelta(days=90))
    flagged = tuple(inactivity.IdleFlagged(at(), "profile", each, START - timedelta(days=600), "sessions") for each in (MIA, BEN, EVE))
    return (
        *flagged,
        inactivity.IdleKept(at(), MIA, "support case 7"),
        inactivity.IdleUsed(at(), BEN, at.last - timedelta(hours=1)),
        inactivity.IdleGivenUp(at(), EVE),
        inactivity.IdleOrdered(at(), EVE, UNUSED),
        inactivity.LastUseNoted(at(), "profile", "sessions", "2026-08-01", (MIA, BEN)),
        inactivity.IdleGone(at(), EVE),
    )


def lineage() -> tuple[ev.Event, ...]:
    at = Times(START + timedelta(days=100))
    column = ColumnFlow("postgres://db/app.sessions", "id", "s3://lake/sessions", "session")
    runs = tuple(
        Observation(digest(stage.value), at(), stage, "nightly", ("postgres://db/app.sessions",), ("s3://lake/sessions",), (column,))
        for stage in RunStage
    )
    return Observed(at(), pack(runs[:3])), Observed(at(), pack(runs[3:]))


def ledger(at: Times) -> tuple[ev.Event, ...]:
    paper = digest("acknowledgement")
    record = LedgerRecord("led-0000000000000001", START, LedgerKind.ROLE, START.date(), "deletion manager", "per-" + "0" * 16, (), "", "")
    signed = replace(record, id="led-0000000000000002", kind=LedgerKind.ASSURANCE, signed_by="counsel", document=paper)
    return tuple(
        event
        for index, each in enumerate((record, signed))
        for event in (
            LedgerStated(at(), each.id, each.encode().decode(), "c2ln", "a2V5", 43 + index),
            LedgerLogged(at(), each.id, 43 + index, 44 + index, digest(f"root {44 + index}")),
        )
    )


def families(at: Times) -> tuple[ev.Event, ...]:
    account, family = "40000000-0000-4000-8000-000000000000", "ef" * 16
    company = fe.ByHandOver("https://app.acme.example", "2026-11", digest("token"))
    return (
        fe.MembershipDecided(at(), account, family, MembershipRole.GUARDIAN, company),
        fe.MembershipDecided(at(), account, "fe" * 16, MembershipRole.SELF, company),
        fe.MembershipDecided(at(), account, family, MembershipRole.FORMER, se.ByMachineUser("omar")),
        fe.MembershipDecided(at(), account, "fe" * 16, MembershipRole.FORMER, fe.ByOwner()),
        fe.MembershipDecided(
            NOW, account, "fd" * 16, MembershipRole.GUARDIAN, fe.ByConsent("ask-00000000000000aa", "grd-0000000000000009")
        ),
        fe.MembershipDecided(NOW, account, "fd" * 16, MembershipRole.FORMER, fe.ByMember()),
        fe.MembershipDecided(NOW, account, "fd" * 16, MembershipRole.SELF, fe.ByMajority()),
    )


def periods() -> tuple[ev.Event, ...]:
    at, account = Times(START + timedelta(days=95)), "40000000-0000-4000-8000-000000000000"
    words = cycle(OwnPeriod)
    every = (OwnPeriodChosen(at(), MIA, kind, next(words), account) for kind in DataKind)
    return (
        *every,
        OwnPeriodChosen(at(), BEN, DataKind.VOICE, OwnPeriod.DAYS_30, account),
        OwnPeriodChosen(at(), BEN, DataKind.VOICE, None, account),
    )


def staff(at: Times) -> tuple[ev.Event, ...]:
    admin, desk, late, keyed = (f"{number}0000000-0000-4000-8000-000000000000" for number in (1, 2, 3, 4))
    omar, by = se.ByMachineUser("omar"), se.ByStaff(admin)
    views = (StaffRight.REQUEST_VIEWS, StaffRight.SEE_VIEWS)
    approving = (StaffRight.APPROVE_ORDERS, StaffRight.APPROVE_VIEWS, StaffRight.CONFIRM_RIGHTS)
    managing = (StaffRight.MANAGE_STAFF, StaffRight.READ_STAFF)
    begin, reviewer, operator = at(), JobFunction.REVIEWER, JobFunction.OPERATOR
    orders = (StaffRight.ENTER_ORDERS, StaffRight.EXECUTE_ORDERS, StaffRight.FOLLOW_ORDERS)
    return (
        se.StaffInvited(
            begin, admin, "first-administrator", JobFunction.ADMINISTRATOR, managing, omar, digest("link 1"), NOW, "", first=True
        ),
        se.StaffEnrolled(at(), admin, digest("claim")),
        se.StaffInvited(at(), desk, "desk-1", reviewer, views, by, digest("link 2"), NOW, "priya", first=False),
        se.StaffEnrolled(at(), desk, digest("another claim")),
        se.StaffInvited(at(), late, "officer-1", JobFunction.OFFICER, approving, by, digest("link 3"), NOW, "", first=False),
        se.InvitationWithdrawn(at(), late, by),
        se.StaffSeen(begin.replace(hour=0), desk),
        se.RightUsed(begin.replace(hour=0), desk, StaffRight.REQUEST_VIEWS),
        se.RightsChanged(at(), desk, operator, orders, granted=True, by=by, reason=se.StaffReason.NEEDED, reference="HR-1042"),
        se.RightsChanged(at(), desk, operator, orders[:1], granted=False, by=by, reason=se.StaffReason.UNUSED, reference=""),
        se.StaffSuspended(at(), desk, by, se.StaffReason.AWAY, "HR-1043"),
        se.StaffRestored(at(), desk, omar, se.StaffReason.BACK, ""),
        se.RightsConfirmed(at(), desk, reviewer, views[:1], views[1:], omar, se.StaffReason.NEEDED, "SEC-8"),
        se.EquivalenceRecorded(at(), desk, se.AccessMethod.TOTP, digest("why"), "SEC-17", NOW, "programme-head", "c2ln"),
        se.EquivalenceEnded(at(), desk, by),
        *(
            se.EquivalenceRecorded(at(), desk, method, digest("why"), "SEC-18", NOW, "programme-head", "c2ln")
            for method in (se.AccessMethod.CERTIFICATE, se.AccessMethod.PROVIDER)
        ),
        se.RightsChanged(
            at(), admin, JobFunction.ASSESSOR, (StaffRight.READ_EVIDENCE,), granted=True, by=omar, reason=se.StaffReason.MOVED, reference=""
        ),
        *(
            se.StaffSuspended(at(), desk, omar, reason, "")
            for reason in (se.StaffReason.INCIDENT, se.StaffReason.LEFT, se.StaffReason.MISTAKE)
        ),
        se.StaffInvited(at(), keyed, "desk-2", reviewer, views, by, digest("link 4"), NOW, "", first=False),
        se.StaffEnrolled(at(), keyed, digest("a third claim"), keyed=True),
        se.StaffKeysConfirmed(at(), keyed, ("k3qd-7h2m-xw5a-p4ty",), by),
        se.RightsChanged(
            NOW, late, JobFunction.OFFICER, (StaffRight.CHECK_FORMS,), granted=True, by=omar, reason=se.StaffReason.NEEDED, reference=""
        ),
    )


def reviews(at: Times) -> tuple[ev.Event, ...]:
    """The register of reviews: every event, and every word of each closed list."""
    reviewer, approver, parent = (f"{number}0000000-0000-4000-8000-000000000000" for number in (1, 2, 3))
    child, request, lease, recording, policy = Pseudonym("cd" * 16), "0a" * 8, "1b" * 8, "ab" * 16, digest("policies")
    events: list[ev.Event] = [
        ReviewRequested(
            at(), request, reviewer, JobFunction.REVIEWER, purpose, kind, "LE-88", "doorbell", recording, sealed, (child,), 1000, 41_000,
            clarity, sound, NOW, extends, glass, policy,
        )
        for purpose, kind, sealed, clarity, sound, extends, glass in zip(
            ReviewPurpose, CaseKind, (True, False, True, True, True), (*Clarity, Clarity.CLEAR), (*Sound, *list(Sound)[:2]),
            ("", "", "3d" * 8, "", ""), (False, False, True, False, False), strict=True,
        )
    ]  # fmt: skip
    events += [
        ReviewAnswered(at(), request, AnswerBy.STAFF, approver, "", True, policy, "c2ln"),
        ReviewAnswered(at(), request, AnswerBy.FAMILY, parent, child, False, "", ""),
        ReviewsBarred(at(), parent, child, "doorbell", recording, True),
        LeaseBegun(at(), lease, request, NOW, Clarity.PIXELATED, Sound.MUTE, True, digest("session"), policy),
        ClarityChanged(at(), lease, Clarity.FACES_HIDDEN, Sound.MASKED, policy),
        *(
            ViewServed(
                at(), number, lease, request, reviewer, JobFunction.REVIEWER, ReviewPurpose.HARM, CaseKind.SUPPORT, "LE-88", (approver,),
                "doorbell", recording, (child,), 1000, 3000, Clarity.PIXELATED, Sound.MUTE, room, False, policy,
            )
            for number, room in enumerate(Room)
        ),
        ViewGiven(at(), lease, 0, 184_320),
        ViewReported(at(), lease, reviewer, 1_960, 1, 200, True),
        *(
            ViewRefused(
                at(), act, request, lease, reviewer, "harm or financial loss", "support", "LE-88", "doorbell", recording, (child,), 1000,
                3000, "clear", Room.BEDROOM, ("training has lapsed", "no one approved"), policy, 2,
            )
            for act in DeskAct
        ),
        ReviewsCommitted(at(), 0, 0, 21, digest("salt"), digest("root"), 7),
        ReviewsLogged(at(), 0, 7, 8, digest("tree")),
        *(LeaseEnded(at(), lease, why, approver) for why in LeaseEnding),
        *(ReviewRecused(at(), request, reviewer, why) for why in RecusalReason),
        *(OutcomeEntered(at(), request, reviewer, outcome) for outcome in ReviewOutcome),
        BreakGlassReviewed(at(), request, approver, False),
        *(ReviewNoteKept(at(), "4e" * 8, request, about, reviewer, (child,)) for about in NoteAbout),
        ReviewNotesEnded(NOW, child),
    ]  # fmt: skip
    return tuple(events)


def told_families(at: Times) -> dict[str, tuple[ev.Event, ...]]:
    """What was written about orders, and the notices of their steps."""
    account, child = "0f1e2d3c-4b5a-4968-8778-695a4b3c2d1e", Pseudonym("cd" * 16)
    message = (LIFE, child, ThreadSide.PERSON, MessageKind.APPEAL, account)
    return {
        "threads": (
            MessageWritten(at(), "01" * 8, *message),
            MessageWritten(at(), "02" * 8, LIFE, child, ThreadSide.COMPANY, MessageKind.REJECTED, "priya"),
            *(MessageWritten(at(), digest(kind)[:16], LIFE, child, ThreadSide.COMPANY, kind, "priya") for kind in MessageKind),
            ThreadEnded(at(), LIFE, child),
        ),
        "notices": (
            NoticeTried(at(), "03" * 8, LIFE, NoticeKind.IN_PART, account),
            *(NoticeTried(at(), digest(kind)[:16], LIFE, kind, account) for kind in list(NoticeKind)[:8]),
            *(NoticeSent(at(), "03" * 8, account, result) for result in LetterResult),
            NoticesSeen(at(), account, child, NOW),
            *(NoticeTried(NOW, digest(kind)[:16], OrderId("rev-" + "1b" * 8), kind, account) for kind in list(NoticeKind)[8:]),
        ),
        "cohorts": (
            CohortFound(at(), "reviewed recordings", "voice", START, NOW, digest("letter"), (child,), START, first=True),
            CohortTried(at(), "reviewed recordings", child),
            CohortSent(at(), "reviewed recordings", child, LetterResult.REFUSED),
            CohortBounced(at(), "reviewed recordings", child, "priya"),
        ),
    }


LIMITS = ReviewLimits(5, 120, 180, 7, 3600, 300, 1800, WorkingHours((1, 5), 450, 1440, "Europe/Berlin"), ("office",))


def incidents() -> tuple[ev.Event, ...]:
    """Return one event of each kind of the register of incidents."""
    reviewer, later = "10000000-0000-4000-8000-000000000000", NOW + timedelta(hours=1)
    scopes = tuple(
        IncidentScope(source, "" if source is ScopeSource.NOWHERE else reviewer, NOW, later, because)
        for source, because in zip(ScopeSource, ("2c" * 8, "", TakeoverSign.SAID.value, ""), strict=True)
    )
    unknown = ("no register tells whose data were in it",)
    return (
        *(
            IncidentOpened(NOW, f"{number:016x}", kind, f"reviewer {reviewer}", NOW, later, tuple(IncidentWord), scopes, "findings", "")
            for number, kind in enumerate(IncidentKind)
        ),
        IncidentGrew(NOW, f"{1:016x}", scopes[:1], "expunge", "SEC-17"),
        IncidentJoined(NOW, f"{2:016x}", f"{1:016x}", "expunge", "SEC-18"),
        IncidentCounted(NOW, f"{1:016x}", 12, 15, unknown, digest("list"), {"families": 4, "reviews": 900}),
        *(IncidentStated(NOW, f"{1:016x}", fact, NOW, 12, reviewer, "SEC-19", digest("paper")) for fact in IncidentFact),
        *(IncidentDecided(NOW, f"{1:016x}", "approver:priya", verdict, "SEC-20", "c2ln") for verdict in IncidentVerdict),
        IncidentsCommitted(NOW, 0, 0, 9, "ab" * 32, digest("root"), 41),
        IncidentsLogged(NOW, 0, 41, 42, digest("head")),
    )


def small_registers() -> dict[str, tuple[ev.Event, ...]]:
    at = Times(START + timedelta(days=110))
    return {
        "restorals": (ev.Restored(at(), "app", (LIFE,), clean=True), ev.Restored(at(), "media", (), clean=False)),
        "tokens": (
            access_tokens.TokenIssued(at(), "00112233aabb", "dbt", access_tokens.TokenScope.LINEAGE, digest("secret"), NOW),
            access_tokens.TokenIssued(at(), "44556677ccdd", "app", access_tokens.TokenScope.COLLECT, digest("other"), NOW),
            access_tokens.TokenIssued(NOW, "8899aabbccdd", "camera", access_tokens.TokenScope.INGEST, digest("third"), NOW),
            access_tokens.TokenIssued(NOW, "ddeeff001122", "prometheus", access_tokens.TokenScope.METRICS, digest("fourth"), NOW),
            access_tokens.TokenIssued(NOW, "334455667788", "family app", access_tokens.TokenScope.FAMILIES, digest("fifth"), NOW),
            access_tokens.TokenRevoked(at(), "44556677ccdd"),
        ),
        "tellings": (LineageTold(at(), LIFE, 1), LineageTold(at(), LIFE, 2)),
        "claims": (
            public_claims.ClaimsPublished(
                at(), digest("policy"), {"retention.voice": "Recordings are kept for 90 days.", "gate.refuses": "Yes."}
            ),
            public_claims.ClaimNowFalse(at(), "retention.voice", "2 items of recordings are older"),
            public_claims.ClaimNowFalse(at(), "gate.refuses", "the snapshot is old"),
            public_claims.ClaimTrueAgain(at(), "gate.refuses"),
        ),
        "models": (
            ModelsBlocked(at(), "voices", (digest("old weights"), digest("older weights")), (str(LIFE),)),
            ModelsBlocked(at(), "faces", (digest("faces 3"),), (str(LIFE), str(TAKEN)), named=False),
            ModelsBlocked(at(), "intents", ()),
            ModelsFreed(at(), "voices", (str(LIFE),), (digest("older weights"),)),
            ModelsFreed(at(), "faces"),
        ),
        "rollbacks": (
            ev.RollbackAccepted(at(), "priya", "the newest dump there is", (LIFE, TAKEN), ("00" * 16, "ab" * 16), 3),
            ev.RollbackAccepted(at(), "omar", "nothing newer", (), (), 0),
        ),
        "searches": (PlacesSearched(at(), digest("map"), 2, 1), PlacesSearched(at(), digest("map"), 0, 0)),
        "ledger": ledger(at),
        "uses": (
            use_records.UseReviewed(
                at(),
                "weather",
                digest("practice"),
                use_records.ReviewDecision.APPROVED,
                {"used": "to tell the weather"},
                NOW,
                "priya",
                "c2ln",
            ),
            use_records.AssuranceTaken(at(), "Skylark", ("voice", "events"), digest("assurance"), NOW, "Skylark", "c2ln"),
            use_records.UseRecordEnded(at(), use_records.RecordKind.REVIEW, "weather", "priya", "a safeguard failed"),
            use_records.UseReviewed(
                at(),
                "heatmap",
                digest("practice"),
                use_records.ReviewDecision.CONDITIONAL,
                {"conditions": "in cells"},
                NOW,
                "priya",
                "c2ln",
            ),
            use_records.UseReviewed(
                at(), "adverts", digest("practice"), use_records.ReviewDecision.REJECTED, {"risks": "too many"}, NOW, "priya", "c2ln"
            ),
            use_records.UseRecordEnded(at(), use_records.RecordKind.ASSURANCE, "Skylark", "priya", "the contract ended"),
        ),
        "openings": (
            RecordingOpened(
                at(),
                "0f" * 8,
                "doorbell",
                "ab" * 16,
                (Pseudonym("cd" * 16),),
                "recognise visitors",
                "camera",
                "viewer",
                0,
                4096,
                "10000000-0000-4000-8000-000000000000",
                "cd" * 16,
            ),
            OpeningRefused(
                NOW,
                "doorbell",
                "ab" * 16,
                (Pseudonym("cd" * 16),),
                "adverts",
                "camera",
                "viewer",
                "consent was not given",
                3,
                "10000000-0000-4000-8000-000000000000",
                "cd" * 16,
            ),
            OpeningsReviewed(NOW, NOW, 1, 0, "priya"),
        ),
        "exports": (
            ExportBegun(
                at(),
                OrderId("exp-" + "e" * 20),
                (Pseudonym("cd" * 16),),
                tuple(DataKind),
                "expunge",
                "6f1a2c34-0d5e-4b6f-8a7b-9c8d7e6f5a4b",
                2_000_000_000,
                "es",
            ),
            ExportReady(at(), OrderId("exp-" + "e" * 20), (4096, 512), NOW),
            ExportFetched(at(), OrderId("exp-" + "e" * 20), 1, 0, 4096),
            ExportEnded(at(), OrderId("exp-" + "e" * 20), ExportEnd.EXPIRED),
            *(ExportEnded(NOW, OrderId("exp-" + "e" * 20), why) for why in list(ExportEnd)[1:]),
            ExportMadeAgain(NOW, OrderId("exp-" + "e" * 20)),
            ExportTold(NOW, OrderId("exp-" + "e" * 20)),
        ),
        "epochs": (
            EpochRotated(at(), 2, 40_000, "expunge"),
            EpochApproved(at(), 1, digest("epoch"), "chief", "c2ln"),
            EpochEnding(at(), 1, digest("epoch"), ("chief", "deputy"), "expunge"),
            EpochDestroyed(at(), 1),
        ),
        "shreds": (
            ShredsEntered(NOW, 7, digest("shreds")),
            ShredsAccepted(NOW, 5, digest("older shreds"), "priya", "the disk was lost"),
        ),
        "staff": staff(at),
        "reviews": reviews(Times(NOW)),
        "policies": (
            PolicyPublished(NOW, PolicySet({"shipped/a.cedar": "permit (principal, action, resource);\n"}, LIMITS)),
            PolicyWithdrawn(NOW + timedelta(hours=1)),
            ViewsReplayed(NOW + timedelta(hours=2), NOW - timedelta(days=365), 1200, 1, "priya"),
        ),
        "findings": (
            NoticingRun(NOW, "2027-03-08", 120_000, 400, 12, digest("rules")),
            FindingOpened(
                NOW, "2c" * 8, "10000000-0000-4000-8000-000000000000", "reviewer", "2027-04-04", {"bedrooms": 3400}, digest("rules")
            ),
            FindingGrew(NOW, "2c" * 8, {"bedrooms": 3600, "off-hours": 900, "past-need": 320}, digest("rules")),
            *(FindingDecided(NOW, "2c" * 8, "approver:priya", reason, "HR-1042", "c2ln") for reason in FindingReason),
        ),
        "incidents": incidents(),
        "families": families(at),
        "postings": (TextPosted(at(), "notice:order", digest("notice")), TextMissing(at(), "notice:order")),
        "reminders": (LocationReminded(at(), Pseudonym("ef" * 16), 2), LocationSwitchedOff(at(), Pseudonym("ef" * 16), ("weather",))),
        "periods": periods(),
        **told_families(at),
    }


def streams() -> dict[str, tuple[ev.Event, ...]]:
    """Stream -> its events, in the order in which the streams were begun."""
    return {
        str(LIFE): tuple(life()),
        **short_orders(),
        **causes(),
        **shared(),
        "holds": holds(),
        "suppressions": suppressions(),
        "consents": consents(),
        "disgorgements": disgorgements(),
        "recipients": told_recipients(),
        "idle": unused(),
        "lineage": lineage(),
        **small_registers(),
    }


def vectors() -> dict[str, bytes]:
    """File -> bytes: one event a line, in the order of its stream; those of all orders are in one file."""
    made: dict[str, bytes] = {}
    for stream, events in streams().items():
        name = "orders.jsonl" if stream.startswith("ord-") else f"{stream}.jsonl"
        made[name] = made.get(name, b"") + b"".join(ev.encode(each) + b"\n" for each in events)
    return made
