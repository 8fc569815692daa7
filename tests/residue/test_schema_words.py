"""Windows of nothing but words of a schema, and parts of moments, are no content; whatever has content beside it is."""

from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.values.ids import Pseudonym
from expunge.ports.scanner import KEY
from expunge.residue.scanning.scanner import ResidueScanner
from expunge.residue.take.moments import part_of_moment
from expunge.residue.take.schema_words import SchemaWords
from expunge.residue.take.tracer import Collector
from tests.residue.planting import MARY, look

ANNA, BELA = Pseudonym("a" * 32), Pseudonym("b" * 32)
WORDS = ("profile_id", "recording_id", "transcripts", "created_at", "waiting for a reply", "voice")


def tracer(*words: str, budget: int = 64, identifiers: tuple[str, ...] = ()) -> Collector:
    return ResidueScanner().tracer(bytes(32), budget=budget, words=words, identifiers=identifiers)


@pytest.mark.parametrize(
    "window",
    [
        "transcripts",
        '"profile_id": "',
        '"profile_id", "recording_id", "cr',
        'ile_id", "recording_i',
        "cording_",
        '{"profile_id": null, "voice": true',
        '"state": "waiting for a reply"'.removeprefix('"state": '),
        '"created_at": "2026-08-12T19:15:33Z", "voice"',
        '"created_at": "2026-08-12T1',
        '9:15:33Z", "recording_id": "',
    ],
)
def test_a_window_of_words_and_what_joins_them_is_covered(window: str) -> None:
    assert SchemaWords(WORDS).cover(window.encode())


@pytest.mark.parametrize(
    "window",
    [
        '"profile_id": "prf-anna',
        "transcripts of Anna",
        '"recording_id": 4711,',
        "waiting for nobody",
        "voices heard",
        "profile_idx",
        "\x00\x01transcripts",
    ],
)
def test_a_window_with_content_beside_a_word_is_not(window: str) -> None:
    assert not SchemaWords(WORDS).cover(window.encode())


def test_an_identifier_is_never_covered() -> None:
    assert not SchemaWords(WORDS, ["transcripts"]).cover(b'"profile_id": "transcripts"')
    taking = tracer(*WORDS, identifiers=("transcripts", "2026-08-12"))
    taking.text(ANNA, "people", "profile_id", "transcripts")
    taking.text(ANNA, "people", "account_id", "2026-08-12")
    assert {trace.part for trace in taking.traces().traces} == {"profile_id", "account_id"}


@pytest.mark.parametrize(
    "part",
    [
        "-08-12T19:15",
        "2026-08-12T1",
        "026-08-12 19",
        "9:15:33+02:00",
        "12T19:15:33Z",
        "0260812T191533Z",
        "12/Aug/2026:19:15:33 +0000",
        "2 Aug 2026 19:15",
        "12.08.2026 19:15",
        "2026/08/12",
        "t19:15:33z",
        "/2000:00",
        " 2026 19:15",
        "-2026 19:15:3",
    ],
)
def test_a_stretch_cut_out_of_a_moment_is_one(part: str) -> None:
    assert part_of_moment(part)


@pytest.mark.parametrize(
    "text",
    [
        "20260812",
        "1786562133",
        "123-45-6789",
        "59.906506,30.318263",
        "10.11.12.13",
        "2026-13-45",
        "00:11:22:33:44:55",
        "Anna 2026-08-12",
        "33.123456",
    ],
)
def test_numbers_addresses_and_what_no_calendar_has_are_none(text: str) -> None:
    assert not part_of_moment(text)


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2099, 12, 31)),  # noqa: DTZ001 - a moment is written without its zone
    st.sampled_from(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%Y%m%dT%H%M%SZ", "%d.%m.%Y %H:%M:%S", "%d/%b/%Y:%H:%M:%S +0000"]),
    st.data(),
)
def test_no_window_of_a_moment_is_taken_wherever_it_is_cut(when: object, spelling: str, data: st.DataObject) -> None:
    written = when.strftime(spelling)  # type: ignore[attr-defined]
    start = data.draw(st.integers(0, len(written) - 8))
    end = data.draw(st.integers(start + 8, len(written)))
    cut = written[start:end]
    letters = sum(character.isalpha() and character not in "TZ" for character in cut)
    assert cut.isdigit() or letters in {1, 2} or SchemaWords().cover(cut.encode())


def test_a_name_that_ends_in_a_moment_is_traced_and_its_moment_is_not() -> None:
    taking = tracer()
    taking.text(ANNA, "messages", "message_id", "msg-2026-08-12T19:15")
    holder = ResidueScanner().holder(taking.traces(), range(len(taking.traces().traces)))
    assert taking.traces().traces
    holder.text(BELA, "messages", "message_id", "pay-2026-08-12T19:15")
    assert holder.held() == frozenset()


def test_seams_and_lines_of_moments_alone_are_not_taken() -> None:
    taking = tracer("created_at", "updated_at")
    for seam in (b"-08-12T19:15:33Z2026-08-12T19:15:", b'"created_at": "2026-08-12T19:15:33Z", "updated_at": "2026-08-12'):
        taking.blob(ANNA, "events", "row", io.BytesIO(seam))
    taken = [trace for trace in taking.traces().traces if trace.form == "bytes"]
    assert taken == []


def test_a_sentence_of_the_schema_is_a_label_once_several_people_have_it() -> None:
    sentence = "has not said yet in which of the rooms it should ring"
    taking = tracer(sentence)
    taking.text(ANNA, "rooms", "ring", sentence)
    assert taking.traces().traces, "a default may hold what one person said"
    taking.text(BELA, "rooms", "ring", sentence)
    assert taking.traces().traces == ()


def test_keys_that_several_people_have_are_names_of_fields_and_one_persons_key_is_content() -> None:
    taking = tracer()
    for who, own in ((ANNA, "grandmother_of_anna"), (BELA, "telescope_of_bela")):
        document = json.dumps({"preferred_language": {"of_the_household": "en"}, own: {"volume_of_the_voice": 3}, "Anna Kowalska": 1})
        taking.text(who, "settings", "body", document)
        for key in ("preferred_language", "of_the_household", "volume_of_the_voice", own, "Anna Kowalska"):
            taking.text(who, "settings", "key", key)
    kept = taking.traces()
    keys = {"preferred_language", "of_the_household", "volume_of_the_voice"}
    for key in keys:
        holder = ResidueScanner().holder(kept, range(len(kept.traces)))
        holder.text(BELA, "x", "y", key)
        assert holder.held() == frozenset(), key
    for content in ("grandmother_of_anna", "Anna Kowalska"):
        holder = ResidueScanner().holder(kept, range(len(kept.traces)))
        holder.text(BELA, "x", "y", content)
        assert holder.held(), content


def test_the_name_of_a_tag_that_several_people_have_is_schema() -> None:
    taking = tracer()
    for who, own in ((ANNA, "grandmother-of-anna"), (BELA, "telescope-of-bela")):
        for key in ("DeviceOfTheProfile", own):
            taking.text(who, "voice", KEY, key)
            taking.text(who, "voice", "metadata", f"speaker in the kitchen of {own}")
    kept = taking.traces()
    for key, content in (("DeviceOfTheProfile", False), ("grandmother-of-anna", True)):
        holder = ResidueScanner().holder(kept, range(len(kept.traces)))
        holder.text(BELA, "x", "y", key)
        assert bool(holder.held()) is content


def test_another_window_is_taken_where_the_only_one_that_is_wanted_says_nothing() -> None:
    taking = tracer("settings_of_the_application_of_everybody", budget=1)
    taking.text(ANNA, "notes", "said", "settings_of_the_application_of_everybody: the purple hedgehog sleeps")
    assert len(taking.traces().traces) == 1


def test_a_word_of_the_schema_in_other_letters_is_looked_for_as_it_is(tmp_path: Path) -> None:
    collector = tracer("customer_nickname", budget=1)
    collector.text(MARY, "d", "f", "Customer_Nickname")
    traces = collector.traces()
    (tmp_path / "f").write_text("CREATE TABLE x (customer_nickname TEXT)")
    assert not look(tmp_path, traces).found
    (tmp_path / "f").write_text("it says Customer_Nickname here")
    assert look(tmp_path, traces).found
