"""Keys from fixed seeds, a log in memory and sample receipts, for every test about evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from expunge.core import merkle
from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.grounding import Grounding
from expunge.core.datamap.mentions import MentionAct
from expunge.core.evidence import commitment, receipt
from expunge.core.evidence.receipt import Result, ScanMode, ScanVerdict, Verdict
from expunge.core.log import checkpoint, trust
from expunge.core.log.tlog_proof import TlogProof
from expunge.core.models.membership_opinion import AttackFigures, Membership, Opinion
from expunge.core.models.model_outcomes import ArtefactCleared, ComparisonResult, NetworkAccess, SourceAccess
from expunge.core.note import Algorithm, VerifierKey
from expunge.core.pages import LATEST
from expunge.core.values.ids import OrderId, PlanDigest
from expunge.core.values.order import OrderKind
from expunge.core.values.outcome import Reason
from expunge.core.values.signature import key_id
from expunge.core.verification import receipt_folder

ORIGIN = "log.nightowl.example/2026"
LOOKED = "equal to a training from nothing, so that it is chance: one in twenty; the privacy officer agreed"
OPENING = sha256(b"opening").digest()
IDENTIFIERS = (("profile", "kid-7f3a"), ("email", "mia@example.org"))


def raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


class SeededKeys:
    """The signing half of ``ports.keys.Keys``, the same for the same seed."""

    def __init__(self, seed: str = "nightowl") -> None:
        self.signer = Ed25519PrivateKey.from_private_bytes(sha256(f"{seed}/signer".encode()).digest())
        self.log = Ed25519PrivateKey.from_private_bytes(sha256(f"{seed}/log".encode()).digest())
        self.p256 = ec.derive_private_key(int.from_bytes(sha256(f"{seed}/p256".encode()).digest(), "big") >> 1, ec.SECP256R1())

    def sign_receipt(self, data: bytes) -> bytes:
        return self.signer.sign(data)

    def signer_public(self) -> bytes:
        return raw(self.signer)

    def sign_checkpoint(self, data: bytes) -> bytes:
        return self.log.sign(data)

    def log_public(self) -> bytes:
        return raw(self.log)

    def sign_checkpoint_p256(self, data: bytes) -> bytes:
        return self.p256.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))

    def log_public_p256(self) -> bytes:
        return self.p256.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def log_keys(self, origin: str = ORIGIN) -> tuple[VerifierKey, VerifierKey]:
        return checkpoint.log_keys(origin, self.log_public(), self.log_public_p256())

    def policy(self, origin: str = ORIGIN) -> trust.TrustPolicy:
        signer = VerifierKey(f"{origin}/signer", Algorithm.ED25519, self.signer_public())
        return trust.TrustPolicy((signer,), tuple(trust.NamedKey(key) for key in self.log_keys(origin)))

    def signed(self, head: checkpoint.Checkpoint) -> bytes:
        text = head.text().encode()
        return checkpoint.signed(head, self.log_keys(head.origin), (self.sign_checkpoint(text), self.sign_checkpoint_p256(text)))


def at(hour: int, minute: int = 0, *, month: int = 11, day: int = 25) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def scan(**changes: object) -> receipt.Scan:
    whole = receipt.Scan(
        scanner="expunge.residue 0.1.0",
        mode=ScanMode.ALL,
        since=None,
        files=412,
        bytes=231_442_118,
        decoded_bytes=88_120_004,
        traces_taken=210,
        traces_usable=188,
        found=0,
        controls_found=3,
        controls_asked=3,
        skipped=(),
        verdict=ScanVerdict.GONE,
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def in_ranges(**changes: object) -> receipt.Scan:
    """A scan as page 4 has it: numbers of traces and values are powers of ten."""
    whole = {"traces_taken": 100, "traces_usable": 100, "values": 100, "values_looked_for": 100, "share": 100, "forms": 1}
    return scan(**{**whole, **changes})


def entry(dataset: str = "recordings", **changes: object) -> receipt.DatasetEntry:
    whole = receipt.DatasetEntry(
        dataset=dataset,
        store="media",
        kind="files",
        act=EraseAct.ERASE,
        outcome=Result.ERASED,
        items=42,
        claimed=Grounding.SCRUBBED,
        asked=Grounding.SCRUBBED,
        probe=receipt.Probe(("listing", "open"), 0, ""),
        scan=scan(),
        reason=None,
        detail="",
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def absent(dataset: str = "embeddings") -> receipt.DatasetEntry:
    nothing = scan(traces_taken=0, traces_usable=0, verdict=ScanVerdict.CANNOT_TELL)
    return entry(dataset, store="app", kind="sqlite", outcome=Result.ABSENT, items=0, claimed=Grounding.NONE, scan=nothing)


def fulfilled(**changes: object) -> receipt.Receipt:
    """A receipt of an order that was fulfilled."""
    keys = SeededKeys()
    whole = receipt.Receipt(
        order=OrderId("ord-4b7qk2m5xw3tj6ynz2ra"),
        order_kind=OrderKind.ERASURE,
        commitment=commitment.commit(OPENING, IDENTIFIERS),
        verdict=Verdict.FULFILLED,
        times=receipt.ReceiptTimes(at(9, 2), at(9, 3), at(9, 40), at(9, 52)),
        datasets=(entry(), entry("transcripts", store="app", kind="sqlite", items=310), absent()),
        kept=(),
        out_of_scope=(
            "Backups of the store media made before 25 November 2026; they end on 25 December 2026.",
            "The disk below the file system: blocks that a file no longer uses keep their bytes until the disk discards or reuses them.",
        ),
        valid_until=at(9, month=12, day=25),
        tool=receipt.Tool("expunge", "0.1.0", 1),
        signer=key_id(keys.signer_public()),
        log=ORIGIN,
        policy_digest=sha256(keys.policy().encode()).hexdigest(),
        plan_digest=PlanDigest(sha256(b"a plan").hexdigest()),
        nonce=sha256(b"nonce").digest(),
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


FACES = ArtefactCleared((sha256(b"faces 4").hexdigest(), sha256(b"faces 4, labels").hexdigest()), at(7, day=19), ("recordings",))


def opinion(**changes: object) -> Membership:
    """An attack that told 40 people from 60 before, and no longer does."""
    before, after = AttackFigures(7350, 6170, 8530), AttackFigures(5570, 4390, 6750)
    whole = Membership(Opinion.PASS, Opinion.FAIL, before, after, forgotten=40, outsiders=60, references=7)
    return replace(whole, **changes)  # type: ignore[arg-type]


def recognised(**changes: object) -> Membership:
    """The same that still tells them."""
    still = AttackFigures(7400, 6220, 8580)
    return opinion(**{"verdict": Opinion.FAIL, "after": still, **changes})


def with_mentions(**changes: object) -> receipt.Receipt:
    """A receipt that lists rows of other people that named the person."""
    mentions = (
        receipt.Mention("transcripts", "referred_by", MentionAct.NULL, 2),
        receipt.Mention("transcripts", "assignee", MentionAct.REPLACE, 1),
        receipt.Mention("transcripts", "said", MentionAct.KEEP, 2),
    )
    return fulfilled(**{"mentions": mentions, "tool": receipt.Tool("expunge", "0.1.0", 3), **changes})


def with_models(**changes: object) -> receipt.Receipt:
    """A receipt that says what became of what was learnt."""
    old, new, index = (sha256(name).hexdigest() for name in (b"old weights", b"new weights", b"index"))
    teacher, taught = (sha256(name).hexdigest() for name in (b"old intents", b"new intents"))
    figures = (receipt.Figure("accuracy_after", 9271), receipt.Figure("accuracy_before", 9268), receipt.Figure("recomputed", 12))
    said = ("frozen encoder: integer convolutions of seed 7, shaped by nobody's data",)
    models = (
        receipt.ModelEntry("faces", EraseAct.DESTROY, (index,), (), ComparisonResult.NOT_ASKED, (), (), stayed=(FACES,)),
        receipt.ModelEntry(
            "intents",
            EraseAct.RETRAIN,
            (teacher,),
            (taught,),
            ComparisonResult.EQUAL,
            (),
            (),
            NetworkAccess.OPEN,
            recognised(looked_at=LOOKED),
            SourceAccess.OPEN,
        ),
        receipt.ModelEntry(
            "voices",
            EraseAct.FORGET,
            (old,),
            (new,),
            ComparisonResult.EQUAL,
            figures,
            said,
            NetworkAccess.SHUT,
            opinion(),
            SourceAccess.HIDDEN,
        ),
    )
    stayed = (
        ArtefactCleared((sha256(b"wake word 8").hexdigest(),), at(7, day=20), ("recordings",)),
        ArtefactCleared((sha256(b"wake word 9").hexdigest(),), at(7, day=21), ("labels", "recordings"), ComparisonResult.EQUAL),
    )
    models = (*models, receipt.ModelEntry("wake word", EraseAct.RETRAIN, (), (), ComparisonResult.NOT_ASKED, (), (), stayed=stayed))
    learnt = (
        replace(absent("wake word"), store="models", kind="files", act=EraseAct.RETRAIN),
        entry("voices", act=EraseAct.FORGET, items=1),
        entry("faces", act=EraseAct.DESTROY, items=1),
        entry("intents", act=EraseAct.RETRAIN, items=1),
    )
    return fulfilled(**{"datasets": (entry(), *learnt), "models": models, "tool": receipt.Tool("expunge", "0.1.0", 2), **changes})


def with_forms() -> receipt.Receipt:
    """A receipt of an order whose scan read the second list of forms."""
    tool = receipt.Tool("expunge", "0.2.0", 4)
    return fulfilled(datasets=(entry(scan=in_ranges(forms=2)),), tool=tool, map_digest=sha256(b"a map").hexdigest())


def with_text_of_others() -> receipt.Receipt:
    """A receipt that says where other people's items hold text of the person's, and a column of theirs the name."""
    others = (
        receipt.OthersText("letters", "app", 100, ("customer", "transcripts.said")),
        receipt.OthersText("transcripts", "app", 1, ("transcripts",)),
    )
    made = replace(with_forms(), tool=receipt.Tool("expunge", "0.2.0", 5), others_text=others)
    lost = receipt.OrphanedItems("transcripts", "app", 10)
    return replace(made, mentions=(receipt.Mention("letters", "body", MentionAct.KEEP, 2),), orphaned=(lost,))


def with_differences(**changes: object) -> receipt.Receipt:
    """A receipt of models that are not what a training without the person makes: one each time, one another time each."""
    old, new, fresh, again = ((sha256(name).hexdigest(),) for name in (b"old weights", b"new weights", b"fresh weights", b"again"))
    differs = (ComparisonResult.DIFFERS, (), (), NetworkAccess.SHUT, None, SourceAccess.HIDDEN, ())
    learnt = {"weights": (sha256(b"learnt").hexdigest(),)}
    models = (
        receipt.ModelEntry("faces", EraseAct.RETRAIN, old, new, ComparisonResult.EQUAL, *differs[1:], **learnt),
        receipt.ModelEntry("intents", EraseAct.RETRAIN, old, new, *differs, fresh=fresh, again=fresh),
        receipt.ModelEntry("voices", EraseAct.RETRAIN, old, new, *differs, fresh=fresh, again=again, **learnt),
    )
    left = {"outcome": Result.UNABLE, "items": 0, "claimed": Grounding.NONE, "detail": "a training without them makes another"}
    datasets = (
        entry(scan=in_ranges()),
        entry("faces", act=EraseAct.RETRAIN, items=1, scan=in_ranges(controls_found=0, controls_asked=0, no_controls=receipt.NOBODY_STAYS)),
        entry("intents", act=EraseAct.RETRAIN, reason=Reason.RESIDUE, scan=in_ranges(), **left),
        entry("voices", act=EraseAct.RETRAIN, reason=Reason.CANNOT_TELL, scan=in_ranges(), **left),
    )
    said = {
        "datasets": datasets,
        "models": models,
        "verdict": Verdict.IN_PART,
        "tool": receipt.Tool("expunge", "0.2.0", 4),
        "map_digest": sha256(b"a map").hexdigest(),
    }
    return fulfilled(**{**said, **changes})


def of_now(*datasets: receipt.DatasetEntry, page: int = 4, **changes: object) -> receipt.Receipt:
    """A receipt of these datasets, of page 4 unless told otherwise."""
    return at_page(fulfilled(**{"datasets": datasets, "verdict": receipt.verdict_of(datasets, ()), **changes}), page)


def at_page(said: receipt.Receipt, page: int = LATEST) -> receipt.Receipt:
    """The receipt as a version of the page has it: from page 7 on with its reach, which is everything of its kind unless it is told."""
    of_a_class = said.order_kind in receipt.OF_A_CLASS
    reach = said.reach or (receipt.ReceiptReach.CLASS if of_a_class else receipt.ReceiptReach.PERSON)
    return replace(said, tool=receipt.Tool("expunge", "0.2.0", page), reach=reach if page >= 7 else None)


def in_part(**changes: object) -> receipt.Receipt:
    """A receipt with one of everything that can be left."""
    unable = entry(
        "locations",
        store="app",
        kind="sqlite",
        outcome=Result.UNABLE,
        items=0,
        claimed=Grounding.HIDDEN,
        reason=Reason.READER_OPEN,
        detail="another program holds a read transaction on app; close it and run `expunge apply` again",
        scan=scan(found=4, verdict=ScanVerdict.PRESENT, skipped=(receipt.Skipped("socket", 1),)),
    )
    kept = entry(
        "invoices",
        store="app",
        kind="sqlite",
        act=EraseAct.KEEP,
        outcome=Result.KEPT,
        items=2,
        claimed=Grounding.NONE,
        probe=None,
        scan=None,
    )
    items = (receipt.KeptItems("invoices", "tax law: invoices are kept for ten years", at(0, month=12, day=31), 2),)
    return fulfilled(**{"verdict": Verdict.IN_PART, "datasets": (entry(), unable, kept, absent()), "kept": items, **changes})


ISSUER = receipt.IssuingCompany("Night Owl", "privacy@nightowl.example", "the Data Protection Commission, dpc.example")
BACKUPS = receipt.CopiesOutside("media", "nightly backups of the recordings, overwritten after 35 days")


REACH = "the order reaches recordings, transcripts (1 named item of recordings) and nothing else: not doorbell, invoices"


def for_some_items(**changes: object) -> receipt.Receipt:
    """A receipt of page 7 for an order about one recording and what was made from it."""
    made = for_people()
    datasets = tuple(replace(each, items=1) for each in made.datasets if each.dataset in ("recordings", "transcripts"))
    said = {
        "datasets": datasets,
        "kept": (),
        "verdict": Verdict.FULFILLED,
        "out_of_scope": (REACH, *made.out_of_scope),
        "tool": receipt.Tool("expunge", "0.2.0", 7),
        "reach": receipt.ReceiptReach.ITEMS,
    }
    return replace(made, **{**said, **changes})  # type: ignore[arg-type]


def for_people(**changes: object) -> receipt.Receipt:
    """A receipt of page 6 that says who gives it and what each dataset holds; one place is left, and one is kept."""
    holds = {
        "recordings": DataKind.VOICE,
        "locations": DataKind.LOCATION,
        "invoices": DataKind.ACCOUNT,
        "embeddings": DataKind.VOICEPRINT,
        "transcripts": DataKind.TRANSCRIPT,
        "doorbell": DataKind.VIDEO,
    }
    said = (*in_part().datasets, entry("transcripts", store="app", kind="sqlite", items=1), entry("doorbell", items=3))
    scans = {Result.ERASED: in_ranges(), Result.UNABLE: in_ranges(found=1, verdict=ScanVerdict.PRESENT), Result.KEPT: None}
    datasets = tuple(replace(each, holds=holds[each.dataset], scan=scans.get(each.outcome, each.scan)) for each in said)
    whole = {
        "datasets": datasets,
        "issuer": ISSUER,
        "outside": (BACKUPS,),
        "out_of_scope": (f"media: {BACKUPS.says}", "media: the disk below", "app: the disk below", "everything that the map does not name"),
        "tool": receipt.Tool("expunge", "0.2.0", 6),
        "map_digest": sha256(b"a map").hexdigest(),
    }
    return in_part(**{**whole, **changes})


def issue(said: receipt.Receipt, keys: SeededKeys | None = None, *, before: int = 5, after: int = 3) -> dict[str, bytes]:
    """Sign a receipt, enter it in a log in memory between other leaves, and make its folder."""
    keys = keys or SeededKeys()
    statement = receipt.build(said)
    signature = keys.sign_receipt(receipt_folder.to_sign(statement))
    leaf = receipt_folder.leaf(statement, signature, keys.signer_public())
    leaves = [*(b"before %d" % n for n in range(before)), leaf, *(b"after %d" % n for n in range(after))]
    node = merkle.nodes_of([merkle.leaf_hash(each) for each in leaves])
    head = checkpoint.Checkpoint(said.log, len(leaves), merkle.tree_root(len(leaves), node))
    proof = TlogProof(before, merkle.prove_inclusion(before, len(leaves), node), keys.signed(head))
    return receipt_folder.assemble(statement, signature, keys.signer_public(), keys.policy(said.log).encode(), proof)
