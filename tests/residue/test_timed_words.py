"""A sentence is found word by word, whatever stands between its words; other sentences in the same form are not."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from expunge.core.evidence.traces import Traces
from expunge.residue import Limits
from expunge.residue.forms import finder, words
from expunge.residue.matching.matcher import PADDING
from expunge.residue.scanning.shared_windows import SharedWindowSearch
from expunge.residue.take import word_windows
from tests.residue import timed_words
from tests.residue.planting import MARY, found_in, look, text_traces, traces_of
from tests.residue.timed_words import FORMS

SAID = "Please, turn on the lights in the kitchen, and tell Grandma's dog that dinner is ready."
OTHER = "Wake me at dawn, because my brother wants to see the old harbour and then sleep again."
ALL = [*FORMS]


@pytest.fixture(scope="module")
def traces() -> Traces:
    return text_traces(SAID)


def sequences(data: bytes) -> list[str]:
    whole = data + bytes(PADDING)
    found = finder.find(np.frombuffer(whole, np.uint8), whole, len(data)).written
    return [run[:-1].decode() for written in found if written.form == words.FORM for run in written.runs()]


@pytest.mark.parametrize("form", ALL)
def test_a_sentence_is_found_word_by_word(tmp_path: Path, traces: Traces, form: str) -> None:
    (tmp_path / form).write_bytes(FORMS[form](SAID.split()))
    seen = look(tmp_path, traces)
    assert seen.found
    assert not seen.coverage.skipped
    assert any("words@" in residue.hidden or residue.trace.form == words.FORM for residue in seen.found)


@pytest.mark.parametrize("form", ALL)
def test_another_sentence_in_the_same_form_is_not_it(tmp_path: Path, traces: Traces, form: str) -> None:
    (tmp_path / form).write_bytes(FORMS[form](OTHER.split()))
    assert not look(tmp_path, traces).found


@pytest.mark.parametrize("form", [form for form in ALL if form != "kaldi.text"])
def test_five_words_of_it_are_no_sequence(tmp_path: Path, form: str) -> None:
    traces, five = text_traces(SAID, budget=64), SAID.split()[3:8]
    (tmp_path / form).write_bytes(FORMS[form]([*OTHER.split()[:5], *five, *OTHER.split()[5:]]))
    assert not look(tmp_path, traces).found


@pytest.mark.parametrize("form", ["whisper.json", "kitchen.ctm", "word.srt", "rows.db", "dictionary.parquet", "letter.docx"])
def test_the_same_words_in_another_order_are_no_sequence(tmp_path: Path, traces: Traces, form: str) -> None:
    (tmp_path / form).write_bytes(FORMS[form](sorted(SAID.split())))
    assert not look(tmp_path, traces).found


@pytest.mark.parametrize(
    "text",
    [
        "Früher spielte der müde Bär für die Königin im Garten",
        "Мой дедушка каждый вечер слушает старое радио на кухне",
        "Γιαγιά μου κάθε βράδυ ακούει παλιό ραδιόφωνο στην κουζίνα",
        "Mamie n\u2019aime pas qu\u2019on allume l\u2019été la lampe du salon",
    ],
)
@pytest.mark.parametrize("form", ["whisper.json", "kitchen.ctm", "inline.vtt", "letter.odt", "dictionary.parquet", "rows.db"])
def test_words_of_other_languages_are_words(tmp_path: Path, form: str, text: str) -> None:
    traces = text_traces(text)
    (tmp_path / form).write_bytes(FORMS[form](text.split()))
    assert look(tmp_path, traces).found


@pytest.mark.parametrize(
    ("text", "parts"),
    [("打开厨房的灯然后告诉奶奶晚饭准备好了", ["打开", "厨房", "的", "灯", "然后", "告诉", "奶奶", "晚饭", "准备", "好了"])],
)
@pytest.mark.parametrize("form", ["vosk.json", "kitchen.ctm", "word.srt"])
def test_scripts_without_spaces_are_read_letter_by_letter(tmp_path: Path, form: str, text: str, parts: list[str]) -> None:
    (tmp_path / form).write_bytes(FORMS[form](parts))
    assert look(tmp_path, text_traces(text)).found


def test_a_long_transcript_is_read_across_blocks(tmp_path: Path, traces: Traces) -> None:
    others = OTHER.split() * 1200
    for cut in range(0, 17, 4):
        spoken = [*others[cut:], *SAID.split(), *others]
        data = timed_words.whisper_pretty(spoken)
        assert len(data) > 3 << 20
        (tmp_path / "long.json").write_bytes(data)
        assert look(tmp_path, traces).found


@pytest.mark.parametrize("behind", [0, 7, 311, 600, 1000, 1500, 2000])
def test_a_sentence_lies_across_the_end_of_a_block(tmp_path: Path, behind: int) -> None:
    sentence = "silver foxes never forget old friends"
    spread_out = json.dumps(json.loads(timed_words.transcribe(sentence.split())), indent=6).encode()
    assert len(spread_out) > 2000
    before = json.dumps({"padding": "0" * ((1 << 20) - behind - 14)}).encode()
    (tmp_path / "a").write_bytes(before + spread_out + b" " * (1 << 20))
    assert look(tmp_path, text_traces(sentence)).found


@pytest.mark.parametrize("before", range(40, 70, 3))
def test_six_words_lie_across_two_pages_of_a_database(tmp_path: Path, before: int) -> None:
    sentence = "silver foxes never forget old friends"
    for shift in range(3):
        spoken = [*(OTHER.split() * 8)[: before + shift], *sentence.split(), *OTHER.split() * 8]
        (tmp_path / "a.db").write_bytes(timed_words.sqlite(spoken))
        assert look(tmp_path, text_traces(sentence)).found


def test_words_of_a_dictionary_are_read_in_the_order_of_the_rows(tmp_path: Path, traces: Traces) -> None:
    """Each of the words comes before in another order."""
    (tmp_path / "a.parquet").write_bytes(timed_words.parquet([*sorted(SAID.split()), *SAID.split()]))
    assert look(tmp_path, traces).found


@pytest.mark.parametrize(("apart", "found"), [(300, True), (600, False)])
def test_words_that_stand_far_apart_are_no_sequence(tmp_path: Path, traces: Traces, apart: int, found: bool) -> None:
    levels = ", ".join('"level": 0.25' for _ in range(apart // 15))
    (tmp_path / "a").write_text("\n".join(f'{{"said": "{word}", {levels}}}' for word in SAID.split()))
    assert bool(look(tmp_path, traces).found) is found


def test_packed_and_encoded_transcripts_are_read(tmp_path: Path, traces: Traces) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(timed_words.whisper(SAID.split())))
    assert all(residue.hidden.startswith("gzip@0 > words@") for residue in found_in(tmp_path, traces))
    assert found_in(tmp_path, traces)
    (tmp_path / "a.gz").write_bytes(timed_words.srt(SAID.split()).decode().encode("utf-16"))
    assert look(tmp_path, traces).found


def test_small_files_are_apart(tmp_path: Path, traces: Traces) -> None:
    spoken = SAID.split()
    for number in range(0, len(spoken), 5):
        (tmp_path / f"{number:02d}.ctm").write_bytes(timed_words.ctm(spoken[number : number + 5]))
    assert not look(tmp_path, traces).found


def test_a_hit_lies_where_its_first_word_does(tmp_path: Path, traces: Traces) -> None:
    data = timed_words.vosk([*OTHER.split(), *SAID.split()])
    (tmp_path / "a.json").write_bytes(data)
    places = [residue.offset for residue in found_in(tmp_path, traces)]
    assert data.index(b"please") in places
    assert min(places) >= data.index(b"please")


def test_prose_is_no_sequence() -> None:
    assert sequences((f"{OTHER} {SAID} " * 40).encode()) == []


@pytest.mark.parametrize(("size", "read"), [(4, True), (5, False)])
def test_entries_of_a_few_words_are_a_sequence_and_sentences_are_none(size: int, read: bool) -> None:
    spoken = OTHER.replace(",", "").replace(".", "").split() * 5
    entries = [" ".join(spoken[at : at + size]) for at in range(0, len(spoken), size)]
    cues = (
        f'<p begin="{at}.31s" end="{at}.58s" style="white-on-black-{at}-{at}-{at}-{at}-{at}" xml:id="cue{at}">{entry}</p>'
        for at, entry in enumerate(entries)
    )
    assert any("harbour" in sequence for sequence in sequences("".join(cues).encode())) is read


def test_keys_and_channels_are_left_out() -> None:
    bare = "please turn on the lights in the kitchen and tell grandmas dog that dinner is ready"
    for form in ("vosk.json", "kitchen.ctm", "words.csv"):
        assert bare in {each.lower().removeprefix("word start end ") for each in sequences(FORMS[form](SAID.split()))}


def test_a_word_that_is_said_twice_counts_once(tmp_path: Path) -> None:
    traces = text_traces("no no no I said turn off that terrible terrible radio")
    spoken = "no no I said turn off that terrible terrible terrible radio"
    (tmp_path / "a").write_bytes(timed_words.ctm(spoken.split()))
    assert look(tmp_path, traces).found


@pytest.mark.parametrize(
    "text",
    [
        "one two three four five",
        "a-b-c-d-e-f-g-h-i-jkl-mnopq-rst",
        "7 of 12 items at 5 pm on 9 May for 3 of us",
        "your order of 12 boxes was sent to them",
        '{"theme": "dark", "kind": "note", "mode": "a"}',
    ],
)
def test_what_is_no_sentence_of_six_words_has_no_window(text: str) -> None:
    assert not [trace for trace in text_traces(text).traces if trace.form == words.FORM]


def test_a_window_has_six_words_and_24_bytes() -> None:
    taken = word_windows.windows(f"{SAID} {OTHER}", 100)
    assert len(taken) > 10
    assert all(window.count(b" ") >= 5 and 24 <= len(window) <= 64 for window in taken)


@pytest.mark.parametrize("said", [SAID, f"my neighbour always says: {SAID}", SAID.upper(), " ".join(SAID.replace(",", "").split())])
def test_other_peoples_text_holds_the_sequence(said: str) -> None:
    """What a bystander says as well is no evidence, however it is punctuated."""
    traces = text_traces("turn on the lights in the kitchen; and tell Grandma's dog that dinner is ready")
    wanted = {index for index, trace in enumerate(traces.traces) if trace.form == words.FORM}
    search = SharedWindowSearch(traces, wanted, Limits())
    search.text(MARY, "d", "f", said)
    assert search.held() == wanted


def test_other_peoples_rows_of_one_word_hold_the_sequence() -> None:
    traces = text_traces(SAID)
    wanted = {index for index, trace in enumerate(traces.traces) if trace.form == words.FORM}
    search = SharedWindowSearch(traces, wanted, Limits())
    for word in SAID.split():
        search.text(MARY, "d", "recording", timed_words.RECORDING)
        search.text(MARY, "d", "word", word)
    assert search.held() == wanted
    apart = SharedWindowSearch(traces, wanted, Limits())
    for word in OTHER.split():
        apart.text(MARY, "d", "word", word)
    assert not apart.held()


@pytest.mark.parametrize("form", ["whisper.json", "google.json", "word.srt", "kitchen.ctm"])
def test_a_transcript_that_a_person_has_is_found_in_plain_and_in_another_form(tmp_path: Path, form: str) -> None:
    data = FORMS[form](SAID.split())
    traces = traces_of(lambda tracer: tracer.text(MARY, "clips", "words", data.decode()))
    (tmp_path / "a").write_text(f"she said: {SAID.replace(',', '').lower()} and left")
    assert look(tmp_path, traces).found
    (tmp_path / "a").write_bytes(timed_words.textgrid(SAID.split()))
    assert look(tmp_path, traces).found
    (tmp_path / "a").write_bytes(timed_words.textgrid(OTHER.split()))
    assert not look(tmp_path, traces).found
