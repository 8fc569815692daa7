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
from contextlib import contextmanager
from pathlib import Path

from bench.result import Result
from bench.scanner import WORDS, lines, traces_of, voice, windows
from expunge.core.evidence.traces import Traces
from expunge.core.values.copy import RawSource
from expunge.residue import ResidueScanner
from expunge.residue.forms import finder
from expunge.residue.forms.finder import Before, FoundForms
from expunge.residue.matching.matcher import Bytes

SIZE = 12 << 20
LOOKS = 3


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
        "UTF-16": prose[: SIZE // 2].decode().encode("utf-16-le"),
    }


def _nothing(_block: Bytes, _whole: bytes, end: int, *_before: Before, **_more: bool) -> FoundForms:
    return FoundForms([], end)


@contextmanager
def _finding(find: object) -> Iterator[None]:
    before, finder.find = finder.find, find  # type: ignore[assignment]
    try:
        yield
    finally:
        finder.find = before


def _speed(folder: Path, size: int, traces: Traces) -> float:
    begin = time.process_time()
    ResidueScanner(processes=1).scan([RawSource(folder, "data")], traces)
    return size / 1e6 / (time.process_time() - begin)


def run() -> list[Result]:
    """Measure; about two minutes."""
    traces = traces_of(windows(10_000))
    results = []
    for kind, data in kinds().items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "f").write_bytes(data)
            plain, formed = 0.0, 0.0
            for _ in range(LOOKS):
                with _finding(_nothing):
                    plain = max(plain, _speed(folder, len(data), traces))
                formed = max(formed, _speed(folder, len(data), traces))
        target = 200.0 if kind == "plain text" else None
        note = f"{formed / plain:.0%} of the speed without forms"
        results.append(
            Result(f"residue scan, all forms, {kind}", formed, "MB/s", other=plain, other_name="no forms", target=target, note=note)
        )
    return results
