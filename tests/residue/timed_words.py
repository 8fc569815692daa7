"""Transcripts as speech recognition writes them: every word of a sentence by itself, with its time."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from html import escape

import pyarrow as pa
import pyarrow.parquet as pq

Words = Sequence[str]
RECORDING = "8f14e45f-ceea-467f-a0e6-00000000000a"
_STOPS = ".,!?"


def _timed(words: Words) -> Iterator[tuple[str, float, float]]:
    for number, word in enumerate(words):
        yield word, round(0.31 * number, 2), round(0.31 * number + 0.27, 2)


def _bare(words: Words) -> Iterator[tuple[str, float, float]]:
    yield from ((word.strip(_STOPS).lower(), begin, end) for word, begin, end in _timed(words))


def _clock(second: float, point: str = ".") -> str:
    return f"00:{int(second) // 60:02d}:{int(second) % 60:02d}{point}{round(second * 1000) % 1000:03d}"


def whisper(words: Words) -> bytes:
    listed = [{"word": f" {word}", "start": begin, "end": end, "probability": 0.97} for word, begin, end in _timed(words)]
    return json.dumps({"language": "en", "segments": [{"id": 0, "seek": 0, "temperature": 0.0, "words": listed}]}).encode()


def whisper_pretty(words: Words) -> bytes:
    return json.dumps(json.loads(whisper(words)), indent=4).encode()


def google(words: Words) -> bytes:
    listed = [{"startTime": f"{begin:.3f}s", "endTime": f"{end:.3f}s", "word": word} for word, begin, end in _timed(words)]
    return json.dumps({"results": [{"alternatives": [{"confidence": 0.9, "words": listed}]}]}, indent=2).encode()


def transcribe(words: Words) -> bytes:
    """AWS Transcribe: punctuation is an item of its own."""
    items: list[object] = []
    for word, begin, end in _timed(words):
        spoken = [{"confidence": "0.998", "content": word.strip(_STOPS)}]
        items.append({"start_time": f"{begin}", "end_time": f"{end}", "alternatives": spoken, "type": "pronunciation"})
        if word[-1] in _STOPS:
            items.append({"alternatives": [{"confidence": "0.0", "content": word[-1]}], "type": "punctuation"})
    return json.dumps({"jobName": "job", "results": {"items": items}}).encode()


def vosk(words: Words) -> bytes:
    listed = [{"conf": 1.0, "end": end, "start": begin, "word": word} for word, begin, end in _bare(words)]
    return json.dumps({"result": listed}, indent=2).encode()


def deepgram(words: Words) -> bytes:
    both = zip(_bare(words), words, strict=True)
    listed = [
        {"word": word, "start": begin, "end": end, "confidence": 0.99, "speaker": 0, "punctuated_word": written}
        for (word, begin, end), written in both
    ]
    return json.dumps({"results": {"channels": [{"alternatives": [{"words": listed}]}]}}).encode()


def json_lists(words: Words) -> bytes:
    return json.dumps([[word, begin, end] for word, begin, end in _timed(words)]).encode()


def ctm(words: Words) -> bytes:
    return "".join(f"kitchen-call A {begin:.2f} 0.27 {word} 0.98\n" for word, begin, _ in _bare(words)).encode()


def ctm_lexemes(words: Words) -> bytes:
    """CTM with the kind of each token and its speaker, as NIST has it."""
    return "".join(f"kitchen A {begin:.2f} 0.27 {word} 0.98 lex unknown\n" for word, begin, _ in _bare(words)).encode()


def sql_dump(words: Words) -> bytes:
    rows = enumerate(_bare(words))
    return "".join(f"INSERT INTO words VALUES({number},'rec-1','{word}',{begin},{end});\n" for number, (word, begin, end) in rows).encode()


def named(words: Words) -> bytes:
    """JSON in which a name of several words stands beside each word."""
    return json.dumps([{"word": word, "speaker": "Anna Smith", "start": begin, "end": end} for word, begin, end in _timed(words)]).encode()


def srt(words: Words) -> bytes:
    cues = enumerate(_timed(words), 1)
    return "".join(f"{number}\n{_clock(begin, ',')} --> {_clock(end, ',')}\n{word}\n\n" for number, (word, begin, end) in cues).encode()


def srt_two_words(words: Words) -> bytes:
    pairs = [" ".join(words[at : at + 2]) for at in range(0, len(words), 2)]
    return srt(pairs)


def vtt(words: Words) -> bytes:
    cues = "".join(f"{_clock(begin)} --> {_clock(end)}\n{word}\n\n" for word, begin, end in _timed(words))
    return f"WEBVTT\n\n{cues}".encode()


def vtt_inline(words: Words) -> bytes:
    first, *others = _timed(words)
    rest = "".join(f"<{_clock(begin)}><c> {word}</c>" for word, begin, _ in others)
    return f"WEBVTT\n\n{_clock(0)} --> {_clock(9)} align:start position:0%\n{first[0]}{rest}\n".encode()


def textgrid(words: Words) -> bytes:
    head = 'File type = "ooTextFile"\nitem []:\n    item [1]:\n        class = "IntervalTier"\n        name = "words"\n'
    listed = enumerate(_bare(words), 1)
    return (
        head
        + "".join(
            f'        intervals [{number}]:\n            xmin = {begin} \n            xmax = {end} \n            text = "{word}" \n'
            for number, (word, begin, end) in listed
        )
    ).encode()


def textgrid_short(words: Words) -> bytes:
    return ('"IntervalTier"\n"words"\n0\n5\n9\n' + "".join(f'{begin}\n{end}\n"{word}"\n' for word, begin, end in _bare(words))).encode()


def kaldi(words: Words) -> bytes:
    spoken = " ".join(word for word, _, _ in _bare(words)).upper()
    return f"utt-0001 {spoken}\n".encode()


def ttml(words: Words) -> bytes:
    spans = "".join(f'<p begin="{begin}s" end="{end}s"><span>{escape(word)}</span></p>' for word, begin, end in _timed(words))
    return f'<tt xmlns="http://www.w3.org/ns/ttml"><body><div>{spans}</div></body></tt>'.encode()


def xml_attributes(words: Words) -> bytes:
    return "".join(f'<word value="{escape(word)}" start="{begin}" end="{end}"/>\n' for word, begin, end in _bare(words)).encode()


def html_spans(words: Words) -> bytes:
    spans = " ".join(f'<span class="word" data-start="{begin}">{escape(word)}</span>' for word, begin, _ in _timed(words))
    return f"<html><body><p>{spans}</p></body></html>".encode()


def html_bold(words: Words) -> bytes:
    return ("<html><body><p>" + " ".join(f"<b>{escape(word)}</b>" for word in words) + "</p></body></html>").encode()


def csv(words: Words) -> bytes:
    return ("word,start,end\n" + "".join(f"{word},{begin},{end}\n" for word, begin, end in _bare(words))).encode()


def yaml(words: Words) -> bytes:
    return ("words:\n" + "".join(f"- word: {word}\n  start: {begin}\n  end: {end}\n" for word, begin, end in _bare(words))).encode()


def _document(member: str, text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, text)
    return packed.getvalue()


def docx(words: Words) -> bytes:
    look = '<w:rPr><w:lang w:val="en-US"/></w:rPr>'
    runs = "".join(f'<w:r w:rsidR="00A12B3C">{look}<w:t xml:space="preserve">{escape(word)} </w:t></w:r>' for word in words)
    name = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    return _document("word/document.xml", f'<w:document xmlns:w="{name}"><w:body><w:p>{runs}</w:p></w:body></w:document>')


def odt(words: Words) -> bytes:
    spans = "".join(f'<text:span text:style-name="T{number % 3}">{escape(word)}</text:span><text:s/>' for number, word in enumerate(words))
    return _document("content.xml", f"<office:document-content><text:p>{spans}</text:p></office:document-content>")


def parquet(words: Words, *, dictionary: bool = True) -> bytes:
    packed = io.BytesIO()
    columns = {"recording": [RECORDING] * len(words), "word": [*words], "start": [begin for _, begin, _ in _timed(words)]}
    pq.write_table(pa.table(columns), packed, use_dictionary=dictionary)
    return packed.getvalue()


def parquet_plain(words: Words) -> bytes:
    return parquet(words, dictionary=False)


def _sqlite(table: str, insert: str, rows: Sequence[tuple[object, ...]]) -> bytes:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"CREATE TABLE words ({table})")
        database.executemany(f"INSERT INTO words {insert}", rows)
        database.commit()
        return database.serialize()


def sqlite(words: Words) -> bytes:
    rows = [(RECORDING, word, begin, end) for word, begin, end in _bare(words)]
    table = "id INTEGER PRIMARY KEY, recording TEXT, word TEXT, start REAL, stop REAL"
    return _sqlite(table, "(recording, word, start, stop) VALUES (?, ?, ?, ?)", rows)


def sqlite_last_column(words: Words) -> bytes:
    """What stands behind a word is the head of another row, of which a byte is a letter."""
    rows = [(RECORDING, begin, word) for word, begin, _ in _bare(words)]
    return _sqlite("recording TEXT, start REAL, word TEXT", "VALUES (?, ?, ?)", rows)


def sqlite_json(words: Words) -> bytes:
    return _sqlite("id INTEGER PRIMARY KEY, words TEXT", "(words) VALUES (?)", [(vosk(words).decode(),)])


FORMS: dict[str, Callable[[Words], bytes]] = {
    "whisper.json": whisper,
    "whisper-pretty.json": whisper_pretty,
    "google.json": google,
    "transcribe.json": transcribe,
    "vosk.json": vosk,
    "deepgram.json": deepgram,
    "lists.json": json_lists,
    "named.json": named,
    "kitchen.ctm": ctm,
    "lexemes.ctm": ctm_lexemes,
    "dump.sql": sql_dump,
    "word.srt": srt,
    "two-words.srt": srt_two_words,
    "word.vtt": vtt,
    "inline.vtt": vtt_inline,
    "long.TextGrid": textgrid,
    "short.TextGrid": textgrid_short,
    "kaldi.text": kaldi,
    "words.ttml": ttml,
    "attributes.xml": xml_attributes,
    "spans.html": html_spans,
    "bold.html": html_bold,
    "words.csv": csv,
    "words.yaml": yaml,
    "letter.docx": docx,
    "letter.odt": odt,
    "dictionary.parquet": parquet,
    "plain.parquet": parquet_plain,
    "rows.db": sqlite,
    "last-column.db": sqlite_last_column,
    "json-column.db": sqlite_json,
}
"""Name of a file -> what writes the words of a sentence in that form."""
