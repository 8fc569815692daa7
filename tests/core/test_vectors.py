"""What was released stays: the vectors of docs/spec verify, and are still what the code makes."""

from __future__ import annotations

import json
from dataclasses import fields
from hashlib import sha256

import pytest

from expunge.core import merkle
from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.grounding import Grounding
from expunge.core.evidence import commitment, receipt
from expunge.core.evidence.plan_approvals import PlanApproval
from expunge.core.log import checkpoint, trust
from expunge.core.log.signed_head import open_head
from expunge.core.log.witness_protocol import check_request, parse_request, with_cosignatures
from expunge.core.models.membership_opinion import AttackFigures, Membership, Opinion
from expunge.core.models.model_outcomes import ArtefactCleared, ComparisonResult, NetworkAccess, SourceAccess
from expunge.core.note import open_note
from expunge.core.pages import PAGES
from expunge.core.values.order import OrderKind
from expunge.core.verification.receipt_verify import verify
from tests import evidence_vectors as make
from tests.evidence_kit import in_part

RELEASED_PAGES = {
    1: {
        "receipt-fulfilled": "95dbb6f2f9537c91d63bdaa7462b6776d34aa9d36c7a1239137f220f33d75bfa",
        "receipt-in-part": "b46f780fe7ae31a1c5394458216d2e4eb5f27f5ce990896aca612e4666201387",
    },
    2: {
        "receipt-fulfilled": "95dbb6f2f9537c91d63bdaa7462b6776d34aa9d36c7a1239137f220f33d75bfa",
        "receipt-in-part": "b46f780fe7ae31a1c5394458216d2e4eb5f27f5ce990896aca612e4666201387",
        "receipt-models": "f7811a729e9adc99257883b56246b68f252fd15c3ba1bfadd1a5dd6072d9aded",
    },
    3: {
        "receipt-fulfilled": "95dbb6f2f9537c91d63bdaa7462b6776d34aa9d36c7a1239137f220f33d75bfa",
        "receipt-in-part": "b46f780fe7ae31a1c5394458216d2e4eb5f27f5ce990896aca612e4666201387",
        "receipt-models": "f7811a729e9adc99257883b56246b68f252fd15c3ba1bfadd1a5dd6072d9aded",
        "receipt-mentions": "25a9964e1d68bf1fc244ea5efd3361ac59bdb6009374904d63593817629cade8",
    },
    4: {
        "receipt-fulfilled": "36422ff6acbd3a0be2711e6aa0b5f301de00b9a3f97ced8762e0a7f1df782f51",
        "receipt-in-part": "76b64ed066eb7fff1dbca6e23fa56cf130c07a5a7cbb6694376b3c78a39f43bb",
        "receipt-models": "31073f98f7eabf5ffcf8a2e8ef45e516d7d7b92703687d2718950ef796e2bcc4",
        "receipt-mentions": "2dfb56c1183ed39b8155af8279399ab1e83fee0790de35bdc78d5795a17110f0",
        "receipt-differences": "191b17472f0ed0a2d7dd2f173586a66d418b3943f582454827ecb5ed3b9ba3f0",
        "receipt-forms": "e1c840677c7b4ede5909900a71329a609144a7edfd08f95771ef9d02d128c81e",
    },
    5: {
        "receipt-fulfilled": "36422ff6acbd3a0be2711e6aa0b5f301de00b9a3f97ced8762e0a7f1df782f51",
        "receipt-in-part": "76b64ed066eb7fff1dbca6e23fa56cf130c07a5a7cbb6694376b3c78a39f43bb",
        "receipt-models": "31073f98f7eabf5ffcf8a2e8ef45e516d7d7b92703687d2718950ef796e2bcc4",
        "receipt-mentions": "239caad118a101136c668f0073775acf19a71517de9f80da9136cfacec26073e",
        "receipt-differences": "191b17472f0ed0a2d7dd2f173586a66d418b3943f582454827ecb5ed3b9ba3f0",
        "receipt-forms": "e1c840677c7b4ede5909900a71329a609144a7edfd08f95771ef9d02d128c81e",
        "receipt-others": "5ba222319382613a86e9af8104be76dee470dd6d67931bd61ab7c2dede464ef3",
    },
    6: {
        "receipt-fulfilled": "058d96d3dec8341dfce8d4be6a00102dde0b0088da6bebfba2bebe3f0f22d29b",
        "receipt-in-part": "e665ce2e361d4cfd9a3eea2a0be8ef5c7159b430885e9fc81aaaa6d76fded62f",
        "receipt-models": "de5b38601018c4a0d51d501d2b6f14b15c8cd2725b2256b28ac6609c4014d35e",
        "receipt-mentions": "6336c45e4340cf657043c20f8464e14dd0a7f28c6e2b5b659819785e6f4cb18f",
        "receipt-differences": "0faae341e7740dd321f4669acf7bd840d47d563bec15f964b6b1e45c7e108250",
        "receipt-forms": "9468649d4f607a4851edecc268ea7ee4899c8a9f59b570e7133f7f66c5132a66",
        "receipt-others": "a9ebcf2579c8bc3da34fb7ea9d3c050a454383ccf6ef56c06e7df0d09a9c1ea9",
        "receipt-for-people": "4ca0e82f6e851318a8b68c535c6d9f3aaaaaa628b78d7c96dfce6f53cd50fbc4",
    },
    7: {
        "receipt-fulfilled": "058d96d3dec8341dfce8d4be6a00102dde0b0088da6bebfba2bebe3f0f22d29b",
        "receipt-in-part": "e665ce2e361d4cfd9a3eea2a0be8ef5c7159b430885e9fc81aaaa6d76fded62f",
        "receipt-models": "de5b38601018c4a0d51d501d2b6f14b15c8cd2725b2256b28ac6609c4014d35e",
        "receipt-mentions": "6336c45e4340cf657043c20f8464e14dd0a7f28c6e2b5b659819785e6f4cb18f",
        "receipt-differences": "0faae341e7740dd321f4669acf7bd840d47d563bec15f964b6b1e45c7e108250",
        "receipt-forms": "9468649d4f607a4851edecc268ea7ee4899c8a9f59b570e7133f7f66c5132a66",
        "receipt-others": "a9ebcf2579c8bc3da34fb7ea9d3c050a454383ccf6ef56c06e7df0d09a9c1ea9",
        "receipt-for-people": "4ca0e82f6e851318a8b68c535c6d9f3aaaaaa628b78d7c96dfce6f53cd50fbc4",
        "receipt-some-items": "544c073f7dd9385f27e49ac71fbacd8a46d5002cb29e6cd07e2d90661dd4a218",
    },
    8: {
        "receipt-fulfilled": "058d96d3dec8341dfce8d4be6a00102dde0b0088da6bebfba2bebe3f0f22d29b",
        "receipt-in-part": "e665ce2e361d4cfd9a3eea2a0be8ef5c7159b430885e9fc81aaaa6d76fded62f",
        "receipt-models": "de5b38601018c4a0d51d501d2b6f14b15c8cd2725b2256b28ac6609c4014d35e",
        "receipt-mentions": "6336c45e4340cf657043c20f8464e14dd0a7f28c6e2b5b659819785e6f4cb18f",
        "receipt-differences": "0faae341e7740dd321f4669acf7bd840d47d563bec15f964b6b1e45c7e108250",
        "receipt-forms": "9468649d4f607a4851edecc268ea7ee4899c8a9f59b570e7133f7f66c5132a66",
        "receipt-others": "a9ebcf2579c8bc3da34fb7ea9d3c050a454383ccf6ef56c06e7df0d09a9c1ea9",
        "receipt-for-people": "4ca0e82f6e851318a8b68c535c6d9f3aaaaaa628b78d7c96dfce6f53cd50fbc4",
        "receipt-some-items": "544c073f7dd9385f27e49ac71fbacd8a46d5002cb29e6cd07e2d90661dd4a218",
        "receipt-approved": "973bb84da432e69033080d3d3b35626ee7e9149b2934082a31d448fe580d4721",
    },
}
"""Template version -> vector -> SHA-256 of its page. Never edit a line: add a version."""


def folder(name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (make.HERE / name).iterdir()}


def test_the_vectors_are_what_the_code_makes() -> None:
    made = make.vectors()
    on_disk = {str(path.relative_to(make.HERE)): path.read_bytes() for path in make.HERE.glob("*/*")}
    assert on_disk == made


def test_the_released_cosigned_checkpoint_meets_its_quorum() -> None:
    policy = trust.parse_canonical((make.HERE / "trust-policy" / "witnesses.txt").read_bytes())
    opened = open_head((make.HERE / "log" / "cosigned-checkpoint").read_bytes(), policy)
    assert (opened.witnesses, opened.ignored, len(opened.signers)) == (("w0.example", "w3.example"), 1, 2)


def test_the_released_request_to_a_witness_and_its_answer_are_read() -> None:
    request = parse_request((make.HERE / "log" / "add-checkpoint.request").read_bytes())
    policy = trust.parse_canonical((make.HERE / "trust-policy" / "witnesses.txt").read_bytes())
    last = checkpoint.Checkpoint(
        make.ORIGIN, 256, bytes.fromhex(json.loads((make.HERE / "log" / "proofs.json").read_text())["roots"]["256"])
    )
    assert check_request(request, (log.key for log in policy.logs), last).size == 300
    answer = (make.HERE / "log" / "add-checkpoint.answer").read_bytes()
    whole, _ = with_cosignatures(request.note, answer, policy.witnesses[0].key)
    assert [line.name for line in open_note(whole, [policy.witnesses[0].key]).signatures] == ["w0.example"]


def test_the_released_dates_of_keys_are_read() -> None:
    policy = trust.parse_canonical((make.HERE / "trust-policy" / "since.txt").read_bytes())
    lives = [policy.life_of(key) for key in (*policy.signers, *(log.key for log in policy.logs))]
    assert [(life.since.year if life.since else 0, life.until is not None) for life in lives] == [(2026, n in (0, 2, 3)) for n in range(6)]


@pytest.mark.parametrize("name", make.RECEIPTS)
def test_the_released_receipts_verify(name: str) -> None:
    assert verify(folder(name), folder(name)["trust-policy.txt"]).trusted


@pytest.mark.parametrize(("version", "name"), [(version, name) for version, pages in RELEASED_PAGES.items() for name in pages])
def test_released_page_templates_stay_as_they_are(version: int, name: str) -> None:
    statement = folder(name)["receipt.pae"].split(b" ", 4)[4]
    assert sha256(PAGES[version](statement)).hexdigest() == RELEASED_PAGES[version][name]


def test_every_page_template_is_pinned() -> None:
    assert set(PAGES) == set(RELEASED_PAGES)


def test_the_commitment_vector_opens() -> None:
    opening = commitment.parse_opening(folder("commitment")["opening.json"])
    opening.verify(folder("commitment")["commitment.txt"].decode().strip())


def test_the_policy_vector_is_read_and_written_back() -> None:
    written = folder("trust-policy")["witnesses.txt"]
    assert trust.parse_canonical(written) == make.witnesses()


VALUES = (
    receipt.Receipt,
    receipt.ReceiptTimes,
    receipt.DatasetEntry,
    receipt.Probe,
    receipt.Scan,
    receipt.Skipped,
    receipt.OrphanedItems,
    PlanApproval,
    receipt.OthersText,
    receipt.IssuingCompany,
    receipt.CopiesOutside,
    receipt.KeptItems,
    receipt.Tool,
    receipt.ModelEntry,
    receipt.Figure,
    Membership,
    AttackFigures,
    ArtefactCleared,
)
WORDS = (
    DataKind,
    receipt.Verdict,
    receipt.Result,
    receipt.ScanMode,
    receipt.ScanVerdict,
    EraseAct,
    OrderKind,
    ComparisonResult,
    NetworkAccess,
    Opinion,
    SourceAccess,
)


def test_the_specification_names_every_field_and_every_word() -> None:
    text = (make.HERE.parents[2] / "docs/spec/receipt.md").read_text()
    names = {each.name for value in VALUES for each in fields(value)} - {"order", "commitment"}
    words = {each.value for kind in WORDS for each in kind} | {each.word for each in Grounding}
    missing = {each for each in names | words if f"`{each}`" not in text}
    assert not missing


def test_the_log_vectors_hold() -> None:
    files = folder("log")
    head = checkpoint.parse(open_note(files["checkpoint"], files["vkeys.txt"].decode().split()).text)
    said = json.loads(files["proofs.json"])
    roots = {int(size): bytes.fromhex(root) for size, root in said["roots"].items()}
    assert roots[300] == head.root
    assert roots[0] == merkle.EMPTY_ROOT
    for each in said["inclusion"]:
        path = [bytes.fromhex(one) for one in each["path"]]
        merkle.verify_inclusion(merkle.leaf_hash(b"leaf %d" % each["index"]), each["index"], each["size"], path, roots[each["size"]])
    for each in said["consistency"]:
        path = [bytes.fromhex(one) for one in each["path"]]
        merkle.verify_consistency(each["size1"], each["size2"], roots[each["size1"]], roots[each["size2"]], path)


def test_pages_need_no_network_no_script_and_say_the_language() -> None:
    for name in RELEASED_PAGES[1]:
        page = folder(name)["receipt.html"].decode()
        assert '<html lang="en">' in page
        for word in ("<script", "http://", "https://", "src=", "href=", "@import", "url("):
            assert word not in page, word
        assert page.count("<h1>") == 1
        assert page.count("<th scope=") >= 5


def test_values_are_escaped_and_what_cannot_be_seen_is_shown() -> None:
    page = PAGES[1](
        receipt.build(in_part(out_of_scope=("<script>alert(1)</script> \u202edesrever\x00 \"quoted\" 'single' & more",)))
    ).decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; [U+202E]desrever[U+0000] &quot;quoted&quot; &#x27;single&#x27; &amp; more" in page
