"""Writes the vectors of everything that is signed, digested or handed out, besides receipts (`tests.evidence_vectors`) and the journal.

`python -m tests.signed_vectors` must change nothing that was released.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from expunge.core.accounts import staff_acts as acts
from expunge.core.accounts.credential_strength import Level, Method
from expunge.core.accounts.review_spec import ReviewLimits, WorkingHours
from expunge.core.accounts.staff import JobFunction, StaffRight
from expunge.core.accounts.staff_acts import StaffAct
from expunge.core.accounts.staff_events import StaffReason
from expunge.core.consent.consent_events import ConsentAct
from expunge.core.consent.consent_receipt import ConsentReceipt
from expunge.core.datamap import mapdiff
from expunge.core.datamap.datamap import Aggregate, DataMap, Dataset, Inherited, PathLayout, ReferenceData, TableLayout, Undecided
from expunge.core.datamap.purposes import Terms, Use
from expunge.core.evidence import commitment
from expunge.core.gate.gate_snapshot import Contents, GatePolicy, PurposeState, former_entry, gate_entry, key_check, publish_snapshot
from expunge.core.gate.training_manifest import Certificate, SnapshotRange, TrainingManifest, signed_message
from expunge.core.journal.policy_events import PolicySet
from expunge.core.journal.recipient_ledger import Instruction, InstructionState
from expunge.core.journal.review_words import Clarity, DeskAct, ReviewPurpose, Room, Sound
from expunge.core.log import dsse
from expunge.core.models import artefact_manifest as models_artefact_manifest
from expunge.core.review.question import ConsentState, CustomerAnswer, ViewQuestion
from expunge.core.values import canonical, codec
from expunge.core.values.ids import OrderId
from expunge.core.values.periods import Period
from expunge.core.values.scope import Window
from expunge.core.values.signature import key_id
from tests import journal_kit as kit
from tests.core.maps import voice_company
from tests.evidence_kit import IDENTIFIERS, OPENING, SeededKeys

HERE = Path(__file__).parent / "vectors" / "signed"
VALUES = "values.jsonl"
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEYS = SeededKeys()
PIPELINE = Ed25519PrivateKey.from_private_bytes(sha256(b"nightowl/pipeline").digest())
GATE_KEY = sha256(b"nightowl/gate").digest()
LEDGER_KEY = sha256(b"nightowl/ledger").digest()


def entries(*names: str) -> frozenset[bytes]:
    return frozenset(gate_entry(GATE_KEY, "profile", name) for name in names)


def consent_receipt() -> ConsentReceipt:
    terms = Terms("make the recogniser understand children better", Use.TRAINING, ("recordings", "wake_words"), ("labs",))
    opened = sha256(commitment.Opening(OPENING, IDENTIFIERS).encode()).hexdigest()
    return ConsentReceipt(
        "cns-00112233445566aa",
        opened,
        AT,
        "training",
        terms,
        "training",
        "1",
        sha256(b"May we?\n").hexdigest(),
        "app 4.2, voice settings",
        ConsentAct.PRESSED,
        True,
        "email plus",
    )


def in_envelope(statement: bytes) -> bytes:
    return dsse.Envelope(statement, KEYS.sign_receipt(dsse.pae(statement)), key_id(KEYS.signer_public())).encode()


def contents() -> Contents:
    """Every list that there is, and all that a policy says."""
    purposes = {
        "answer": PurposeState(),
        "disclose": PurposeState(needs_consent=True, closed=True),
        "train": PurposeState(True, Period(days=1, months=3), entries("p-agreed", "p-left"), entries("p-left"), entries("p-over")),
    }
    collect = {"voice": Period(days=90)}
    policy = GatePolicy(kit.digest("map"), purposes, entries("p-disputed"), collect, frozenset({"profile", "account"}))
    return Contents(entries("p-gone", "p-went"), frozenset({former_entry(GATE_KEY, "profile", "p-long-gone")}), policy)


def snapshot(what: Contents) -> bytes:
    return publish_snapshot(what, GATE_KEY, published=AT, valid_until=AT + timedelta(days=1), sign=KEYS.sign_receipt)


def former_snapshot() -> bytes:
    """Format 1, which is read and written no more: one list, and the signature at the end."""
    listed = sorted(former_entry(GATE_KEY, "profile", name) for name in ("p-gone", "p-long-gone"))
    said: dict[str, canonical.Json] = {
        "schema": "expunge.gate-snapshot/1",
        "published": "2026-05-01T12:00:00Z",
        "valid_until": "2026-05-02T12:00:00Z",
        "count": len(listed),
        "key_check": key_check(GATE_KEY),
    }
    body = canonical.encode(said) + b"\n" + b"".join(listed)
    return body + KEYS.sign_receipt(b"expunge/gate-snapshot/1\0" + body)


def certificate() -> Certificate:
    bare = Certificate("train-intent", PIPELINE.public_key().public_bytes_raw(), AT, key_check(GATE_KEY))
    return replace(bare, signature=KEYS.sign_receipt(bare.message()))


def training_manifest() -> TrainingManifest:
    seen = (
        SnapshotRange(kit.digest("map"), AT, kit.digest("first"), AT + timedelta(hours=2), kit.digest("last")),
        SnapshotRange(kit.digest("next map"), AT + timedelta(hours=3), kit.digest("one"), AT + timedelta(hours=3), kit.digest("one")),
    )
    listed = b"".join(sorted(entries("p-agreed", "p-silent")))
    return TrainingManifest(
        "intent 7",
        "train",
        ("account", "profile"),
        ("recordings@2026-05-01",),
        AT,
        AT + timedelta(hours=4),
        {"allowed": 2, "suppressed": 1},
        seen,
        key_check(GATE_KEY),
        certificate(),
        listed,
    )


def signed_manifest(manifest: TrainingManifest) -> bytes:
    head = manifest.head()
    return head + PIPELINE.sign(signed_message(head)) + manifest.entries


def artefact_manifest() -> models_artefact_manifest.ArtefactManifest:
    tags = tuple(sorted(models_artefact_manifest.person(LEDGER_KEY, "profile", name) for name in ("p-agreed", "p-silent")))
    records = (models_artefact_manifest.record(LEDGER_KEY, "row 1", sha256(b"row 1").digest()),)
    parent = models_artefact_manifest.artefact([kit.digest("teacher")])
    return models_artefact_manifest.ArtefactManifest(
        "voices",
        (kit.digest("weights"),),
        {"recordings": AT, "labels": AT + timedelta(hours=1)},
        {"profile": tags, "account": ()},
        records,
        (parent,),
        True,
        AT + timedelta(hours=2),
    )


def data_map() -> DataMap:
    """With each of the ways by which a dataset says whose its items are."""
    plain = voice_company()
    voices = Dataset(
        "voices", "media", Inherited(("recordings",)), "life", layout=PathLayout(("m/{recording_id}",)), derived_from=("recordings",)
    )
    counts = Dataset(
        "counts",
        "app",
        Aggregate("sums over a thousand people", "rounded to tens", "nobody may try", "contracts say so", "nobody here tries"),
        "life",
        layout=TableLayout("counts"),
    )
    return replace(plain, datasets={**plain.datasets, "voices": voices, "counts": counts})


def values() -> tuple[object, ...]:
    """What is sealed with an order or handed out beside a statement, as values of their own."""
    told = [
        Instruction(OrderId(kit.LIFE), name, ("recordings",), kit.digest(name), AT, stands)
        for name, stands in zip("abcdefg", InstructionState, strict=True)
    ]
    windows = (Window("modified", None, AT), Window("created_at", AT - timedelta(days=3), AT), Window("created_at", AT, None))
    return (*told, *windows, ReferenceData({"name": (("customers", "city"),)}), Undecided(), *staff_acts(), *review_values())


def review_values() -> tuple[object, ...]:
    """What decides about acts of review, as it is digested: a set of policies, and questions."""
    limits = ReviewLimits(networks=("office",), hours=WorkingHours((1, 2), 420, 1080, "Europe/Berlin"))
    full = ViewQuestion(
        DeskAct.VIEW, ReviewPurpose.HARM, True, True, JobFunction.REVIEWER, True, 2, False, ConsentState.VALID, CustomerAnswer.ALLOWED,
        False, True, Room.BEDROOM, False, Clarity.CLEAR, Sound.CLEAR, Clarity.CLEAR, Sound.CLEAR, Clarity.CLEAR, Sound.CLEAR, 40, 10,
        1, 2, 3, True, frozenset({Method.PASSKEY, Method.TOTP}), Level.PHISHING_RESISTANT, True, 60, "office", 1, 600, True, 300,
        False, False, False, False, 90,
    )  # fmt: skip
    return PolicySet({"shipped/a.cedar": "permit (principal, action, resource);\n"}, limits), full, ViewQuestion(DeskAct.REQUEST)


def staff_acts() -> tuple[StaffAct, ...]:
    """Decisions about staff, which employees' devices sign."""
    desk, orders, needed = "20000000-0000-4000-8000-000000000000", (StaffRight.ENTER_ORDERS, StaffRight.FOLLOW_ORDERS), StaffReason.NEEDED
    views = (StaffRight.REQUEST_VIEWS,), (StaffRight.SEE_VIEWS,)
    return (
        acts.InviteStaff("desk-1", JobFunction.REVIEWER, "priya"),
        acts.WithdrawInvitation(desk),
        acts.GrantRights(desk, JobFunction.OPERATOR, orders, needed, "HR-1042"),
        acts.RevokeRights(desk, JobFunction.OPERATOR, orders, StaffReason.UNUSED, ""),
        acts.SuspendStaff(desk, StaffReason.AWAY, "HR-1043"),
        acts.RestoreStaff(desk, StaffReason.BACK, ""),
        acts.ConfirmRights(desk, JobFunction.REVIEWER, *views, needed, "SEC-8"),
        acts.EndEquivalence(desk),
        acts.ConfirmKeys(desk, ("k3qd-7h2m-xw5a-p4ty",)),
    )


def vectors() -> dict[str, bytes]:
    """File -> bytes."""
    mapped = data_map()
    return {
        "plan.json": kit.whole_plan(kit.LIFE).to_bytes(),
        "plan-scoped.json": kit.scoped_plan().to_bytes(),
        "consent-receipt.dsse.json": in_envelope(consent_receipt().encode()),
        "gate-snapshot": snapshot(contents()),
        "gate-snapshot-empty": snapshot(Contents()),
        "gate-snapshot-1": former_snapshot(),
        "pipeline.json": canonical.encode(certificate().to_json()) + b"\n",
        "training-manifest": signed_manifest(training_manifest()),
        "artefact-manifest": models_artefact_manifest.seal(artefact_manifest(), LEDGER_KEY),
        "map.json": canonical.encode(mapdiff.normalised(mapped)),
        "map-digest.txt": f"{mapdiff.digest(mapped)}\n".encode(),
        VALUES: b"".join(canonical.encode(codec.to_json(each)) + b"\n" for each in values()),
    }


if __name__ == "__main__":
    HERE.mkdir(parents=True, exist_ok=True)
    for name, content in vectors().items():
        (HERE / name).write_bytes(content)
