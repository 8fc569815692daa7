"""Training manifests: who was in a model is answered from one file, which names nobody and cannot be changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.gate.training_manifest import TrainingManifest, parse_manifest
from expunge.core.values import canonical
from expunge.errors import EvidenceInvalid, UsageError
from expunge.gate import ManifestWriter, Subject, Tally, was_in
from tests.gate.world import AGREED, EVERYBODY, GONE, HOUR, KEY, NOW, PIPELINE, PUBLIC, SILENT, contents, gate, pipeline, publish


def writer(purpose: str = "train") -> ManifestWriter:
    return ManifestWriter(pipeline(), "intent 7", purpose, lambda: NOW, ["recordings@2026-05-01"])


@pytest.fixture
def made(tmp_path: Path) -> bytes:
    """The manifest of a model that everybody who had agreed was in."""
    opened, manifest = gate(publish(tmp_path / "snapshot")), writer()
    passed = opened.allowed(pa.table({"id": [*EVERYBODY, AGREED]}), "id", "profile", "train", manifest=manifest)
    assert passed.rows.num_rows == 2
    return manifest.finish(passed.tally)


def read(data: bytes) -> TrainingManifest:
    return parse_manifest(data, [PUBLIC])


@pytest.mark.duty("AMZ-08")
def test_the_manifest_says_who_was_in_when_and_under_which_policy(made: bytes) -> None:
    manifest = read(made)
    assert [name for name in EVERYBODY if was_in(manifest, KEY, Subject("profile", name))] == [AGREED]
    assert (manifest.product, manifest.purpose, manifest.kinds, manifest.count) == ("intent 7", "train", ("profile",), 1)
    assert (manifest.begun, manifest.ended, manifest.inputs) == (NOW, NOW, ("recordings@2026-05-01",))
    assert manifest.tally == {"allowed": 2, "suppressed": 2, "frozen": 1, "no_consent": 1, "withdrawn": 1, "ended": 1}
    (seen,) = manifest.seen
    assert (seen.policy, seen.first, seen.last) == ("f" * 64, NOW, NOW)
    assert manifest.certificate.name == "train-intent"


def test_it_names_nobody(made: bytes) -> None:
    assert not any(name.encode() in made for name in EVERYBODY)


def test_batches_and_single_questions_enter_the_same_people(tmp_path: Path) -> None:
    opened, one, many = gate(publish(tmp_path / "snapshot")), writer("answer"), writer("answer")
    list(opened.allowed(iter(EVERYBODY), None, "profile", "answer", manifest=one).rows)
    opened.allowed(pa.array(EVERYBODY), None, "profile", "answer", manifest=many)
    assert read(one.finish(Tally())) == read(many.finish(Tally()))


def test_a_long_job_notes_the_first_and_the_last_snapshot_of_each_policy(tmp_path: Path) -> None:
    manifest = writer("answer")
    for minutes in (0, 1, 2):
        opened = gate(publish(tmp_path / "snapshot", at=NOW + timedelta(minutes=minutes)), now=NOW + timedelta(minutes=minutes))
        opened.allowed(pa.array([AGREED]), None, "profile", "answer", manifest=manifest)
    changed = contents(purposes=False)
    publish(tmp_path / "snapshot", type(changed)(policy=type(changed.policy)("e" * 64)), at=NOW)
    gate(tmp_path / "snapshot").allowed(pa.array([SILENT]), None, "profile", "answer", manifest=manifest)
    first, second = read(manifest.finish(Tally())).seen
    assert (first.first, first.last) == (NOW, NOW + timedelta(minutes=2))
    assert second.policy == "e" * 64


@given(st.sets(st.text(max_size=8), max_size=50), st.text(max_size=8))
def test_it_holds_exactly_who_was_let_in(let_in: set[str], asked: str) -> None:
    manifest, shop = writer(), gate(Path("none"))
    for at, name in enumerate(sorted(let_in)):
        if at % 2:
            manifest.add("profile", shop.entry(Subject("profile", name)))
        else:
            words = [int.from_bytes(shop.entry(Subject("profile", name))[part : part + 8], "big") for part in (0, 8)]
            columns = [pa.array([word, word], pa.uint64()).to_numpy() for word in words]
            manifest.add_many("profile", *columns)
    found = read(manifest.finish(Tally()))
    assert found.count == len(let_in)
    assert all(was_in(found, KEY, Subject("profile", name)) for name in let_in)
    assert not let_in or was_in(found, KEY, Subject("profile", asked)) == (asked in let_in)


# ---- what is refused -------------------------------------------------------------------------------------------------


def test_every_changed_byte_and_every_cut_is_refused(made: bytes) -> None:
    changed = [bytes(byte ^ (1 if at == place else 0) for at, byte in enumerate(made)) for place in range(len(made))]
    for bad in (*changed, *(made[:length] for length in range(len(made))), made + bytes(16), made + b"\0"):
        with pytest.raises(EvidenceInvalid):
            read(bad)


def test_somebody_taken_out_is_noticed_even_where_the_pipeline_signs_again(made: bytes) -> None:
    head, _, rest = made.partition(b"\n")
    cut = head + b"\n" + PIPELINE.sign(b"expunge/training-manifest/1\0" + head + b"\n") + rest[64:-16]
    with pytest.raises(EvidenceInvalid, match="differ"):
        read(cut)


def resigned(made: bytes, change: Callable[[dict[str, canonical.Json]], object], entries: bytes | None = None) -> bytes:
    head, _, rest = made.partition(b"\n")
    value = dict(canonical.decode(head))  # type: ignore[arg-type]
    change(value)
    fresh = canonical.encode(value) + b"\n"
    return fresh + PIPELINE.sign(b"expunge/training-manifest/1\0" + fresh) + (rest[64:] if entries is None else entries)


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.update(schema="expunge.training-manifest/2"),
        lambda value: value.update(more=1),
        lambda value: value.pop("tally"),
        lambda value: value.update(tally={"allowed": "2"}),
        lambda value: value.update(count=2),
        lambda value: value.update(seen=[{"policy": "x"}]),
        lambda value: value.update(begun="2026-05-01"),
        lambda value: value.update(kinds="profile"),
        lambda value: value["certificate"].update(name="another"),
        lambda value: value.update(certificate={}),
    ],
)
def test_another_form_is_refused_whoever_signed_it(made: bytes, change: Callable[[dict[str, canonical.Json]], object]) -> None:
    with pytest.raises(EvidenceInvalid):
        read(resigned(made, change))


def test_entries_out_of_order_are_refused(made: bytes) -> None:
    twice = made[-16:] * 2
    with pytest.raises(EvidenceInvalid, match="order"):
        read(resigned(made, lambda value: value.update(count=2, sha256=sha256(twice).hexdigest()), twice))


def test_a_pipeline_that_nobody_vouches_for_is_refused(made: bytes) -> None:
    stranger = Ed25519PrivateKey.generate()
    forged = ManifestWriter(pipeline(stranger), "intent 7", "train", lambda: NOW).finish(Tally())
    for data, signers in ((forged, [PUBLIC]), (made, [stranger.public_key().public_bytes_raw()]), (made, [])):
        with pytest.raises(EvidenceInvalid, match="known key"):
            parse_manifest(data, signers)
    assert parse_manifest(made, [stranger.public_key().public_bytes_raw(), PUBLIC])


def test_another_gate_key_is_told_instead_of_finding_nobody(made: bytes) -> None:
    with pytest.raises(EvidenceInvalid, match="another gate key"):
        was_in(read(made), bytes(32), Subject("profile", AGREED))


def test_a_kind_that_it_says_nothing_about_is_told(made: bytes) -> None:
    with pytest.raises(UsageError, match="account"):
        was_in(read(made), KEY, Subject("account", AGREED))


def test_a_manifest_is_for_one_purpose_and_never_overwritten(tmp_path: Path) -> None:
    opened = gate(publish(tmp_path / "snapshot"))
    with pytest.raises(ValueError, match="another purpose"):
        opened.allowed(pa.array([AGREED]), None, "profile", "answer", manifest=writer("train"))
    with pytest.raises(ValueError, match="product"):
        ManifestWriter(pipeline(), "", "train", lambda: NOW)
    writer().save(tmp_path / "m", Tally())
    with pytest.raises(FileExistsError):
        writer().save(tmp_path / "m", Tally())


def test_who_is_erased_later_was_in_the_older_model_and_is_not_in_the_newer(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    older, newer = writer("answer"), writer("answer")
    gate(publish(path, contents([]))).allowed(pa.array([GONE, AGREED]), None, "profile", "answer", manifest=older)
    later = NOW + HOUR
    gate(publish(path, contents([GONE]), at=later), now=later).allowed(pa.array([GONE, AGREED]), None, "profile", "answer", manifest=newer)
    answers = [was_in(read(each.finish(Tally())), KEY, Subject("profile", GONE)) for each in (older, newer)]
    assert answers == [True, False]
