"""Measure the cost of forms to the scanner: MB a second of processor time over several kinds of bytes, with all forms and without.

The other side is the same scan without forms, in the same run: the machine's speed cancels out.
"""

from __future__ import annotations

import base64
import html
import json
import random
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from bench.result import Result
from bench.scanner import WORDS, lines, traces_of, voice, windows
from expunge.core.evidence.traces import AS_IT_IS, Traces
from expunge.core.values.copy import RawSource
from expunge.residue.forms import base85, escapes, finder, mail_words, scripts, tokens, typography, wide
from expunge.residue.forms.finder import Before, FoundForms
from expunge.residue.matching.matcher import Bytes
from expunge.residue.scanning.scanner import ResidueScanner

SIZE = 12 << 20
LOOKS = 3
MEASURED_ALONE = ("plain text", "JSON lines", "voice")
"""Bytes of which it is measured what each form alone costs."""


def kinds() -> dict[str, bytes]:
    """Return the bytes that are scanned, by name."""
    rng = random.Random(5)
    words = " ".join(rng.choices(WORDS, k=200_000))
    prose = (words * 12).encode()[:SIZE]
    keys = [f'{{"id": "{rng.getrandbits(128):032x}", "n": {rng.getrandbits(30)}}}\n' for _ in range(SIZE // 60)]
    return {
        "plain text": b"\n".join(prose[at : at + 90] for at in range(0, SIZE, 90)),
        "JSON lines": lines(SIZE),
        "lines with keys": "".join(keys).encode(),
        "random bytes": rng.randbytes(SIZE),
        "voice": voice(SIZE),
        "base64 in lines": base64.encodebytes(rng.randbytes(SIZE * 3 // 4)),
        "base64 alone": base64.b64encode(rng.randbytes(SIZE * 3 // 4)),
        "hexadecimal": rng.randbytes(SIZE // 2).hex().encode(),
        "percent": urllib.parse.quote(prose[: SIZE * 2 // 3].decode()).encode(),
        "JSON escapes": json.dumps("Привет, как дела " * (SIZE // 90)).encode(),
        "entities": html.escape("<p>Tom & Jerry say some more words here</p>\n" * (SIZE // 60)).encode(),
        "typographic text": "\u2009".join(rng.choices(WORDS, k=SIZE // 10)).encode(),
        "UTF-16": prose[: SIZE // 2].decode().encode("utf-16-le"),
    }


def _nothing(_block: Bytes, _whole: bytes, end: int, *_before: Before, **_more: bool) -> FoundForms:
    return FoundForms([], end)


@contextmanager
def _patched(where: object, **values: object) -> Iterator[None]:
    before = {name: getattr(where, name) for name in values}
    for name, value in values.items():
        setattr(where, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(where, name, value)


ALONE = (
    *(name for name, *_ in escapes.KINDS),
    "letters",
    "base85",
    "UTF-16 and UTF-32",
    "the same of other scripts",
    "encoded words",
    "typography",
)
"""Forms that can be read alone; case and white space are folded while bytes are searched."""


@contextmanager
def _only(form: str) -> Iterator[None]:
    """Read one form and no other; none at all for a name of none."""

    def nothing(*_: object, **__: object) -> Iterator[object]:
        return iter(())

    kinds_left = tuple(each for each in escapes.KINDS if each[0] == form)
    with ExitStack() as stack:
        stack.enter_context(_patched(escapes, KINDS=kinds_left))
        for name, where, what, instead in (
            ("letters", tokens, "find", lambda *_: None),
            ("base85", base85, "find", nothing),
            ("UTF-16 and UTF-32", wide, "find", lambda *_: None),
            ("the same of other scripts", scripts, "gathered", nothing),
            ("encoded words", mail_words, "gathered", nothing),
            ("typography", typography, "gathered", nothing),
        ):
            if name != form:
                stack.enter_context(_patched(where, **{what: instead}))
        if form not in {"letters", "base85"}:
            stack.enter_context(_patched(base85, words=lambda _block, _end: None))
        yield


def as_they_are(traces: Traces) -> Traces:
    """Return traces that are as fast to look for, and of which none is folded."""
    return replace(traces, traces=tuple(each._replace(fold=AS_IT_IS) for each in traces.traces))


def _alone(folder: Path, kind: str, size: int, traces: Traces) -> Iterator[Result]:
    """Measure each form alone over one file, each beside the scan without forms."""
    plain = as_they_are(traces)
    for form in (*ALONE, "case and white space"):
        with_it, without = 0.0, 0.0
        for _ in range(LOOKS):
            with _only(""):
                without = max(without, _speed(folder, size, plain))
            with _only(form):
                with_it = max(with_it, _speed(folder, size, traces if form == "case and white space" else plain))
        note = f"{max(0.0, without - with_it):.0f} MB/s lost"
        yield Result(f"residue scan, {form} alone, {kind}", with_it, "MB/s", other=without, other_name="no forms", note=note)


def _speed(folder: Path, size: int, traces: Traces) -> float:
    begin = time.process_time()
    ResidueScanner(processes=1).scan([RawSource(folder, "data")], traces)
    return size / 1e6 / (time.process_time() - begin)


def run() -> list[Result]:
    """Measure; about three minutes."""
    traces = traces_of(windows(10_000))
    results = []
    for kind, data in kinds().items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "f").write_bytes(data)
            plain, formed = 0.0, 0.0
            for _ in range(LOOKS):
                with _patched(finder, find=_nothing):
                    plain = max(plain, _speed(folder, len(data), as_they_are(traces)))
                formed = max(formed, _speed(folder, len(data), traces))
            if kind in MEASURED_ALONE:
                results += _alone(folder, kind, len(data), traces)
        target = 200.0 if kind == "plain text" else None
        note = f"{formed / plain:.0%} of the speed without forms"
        results.append(
            Result(f"residue scan, all forms, {kind}", formed, "MB/s", other=plain, other_name="no forms", target=target, note=note)
        )
    return results
