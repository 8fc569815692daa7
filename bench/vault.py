"""Measures the cost of sealing beside the bare cipher: whole in memory, as a stream of a gibibyte in flat memory, and 16 KiB from anywhere.

Of four sizes too, beside the bare cipher whose results are dropped at once: it then needs no new memory, and a writer needs none either.

Each in a process of its own, on one core. Beside it is `AESGCM` of `cryptography` over chunks of 16 KiB with the same reads, writes
and results, keys and nonces ready. A stream is sealed into the null device and opened from a file in memory, so that no disk is measured.
"""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.result import Result
from expunge.vault.chunked import CHUNK, HEADER, SealingWriter, UnsealingReader, open_sealed, seal

HERE = Path(__file__).resolve().parent
MEMORY = Path("/dev/shm")
WHOLE, LONG, PIECE = 64 * 2**20, 2**30, 2**20
SIZES = {"64 KiB": (2**16, 2000), "1 MiB": (2**20, 200), "16 MiB": (2**24, 20), "256 MiB": (2**28, 5)}
"""Name -> bytes of content, and rounds."""
ROUNDS, LONG_ROUNDS, READS, COLD = 9, 5, 20_000, 3_000
KEY, CONTEXT, TAG = bytes(range(32)), b"expunge/vault/1\0recordings\0front-door/0001", 16
BARE = AESGCM(KEY)
NONCES = [number.to_bytes(12) for number in range(LONG // CHUNK + 1)]


def whole() -> dict[str, Any]:
    """64 MiB in memory, into one new `bytes`; beside it the results of the bare cipher, kept in one list."""
    content = random.Random(1).randbytes(WHOLE)
    sealed, view = seal(KEY, content, CONTEXT), memoryview(content)
    chunks = [view[start : start + CHUNK] for start in range(0, WHOLE, CHUNK)]
    made = [BARE.encrypt(nonce, part, None) for nonce, part in zip(NONCES, chunks, strict=False)]
    assert open_sealed(KEY, sealed, CONTEXT) == content
    return {
        **_together(
            ROUNDS,
            WHOLE,
            seal=lambda: seal(KEY, content, CONTEXT),
            seal_bare=lambda: [BARE.encrypt(nonce, part, None) for nonce, part in zip(NONCES, chunks, strict=False)],
            seal_dropped=lambda: _drop(BARE.encrypt, chunks),
            open=lambda: open_sealed(KEY, sealed, CONTEXT),
            open_bare=lambda: [BARE.decrypt(nonce, part, None) for nonce, part in zip(NONCES, made, strict=False)],
            open_dropped=lambda: _drop(BARE.decrypt, made),
        )
    }


def sizes() -> dict[str, Any]:
    """Content of four sizes: into one new `bytes`, and through a writer, whose memory is made once."""
    found: dict[str, Any] = {}
    piece, room = random.Random(1).randbytes(PIECE), bytearray(PIECE)
    for name, (size, rounds) in SIZES.items():
        content = (piece * -(-size // PIECE))[:size]
        sealed, view = seal(KEY, content, CONTEXT), memoryview(content)
        chunks = [view[start : start + CHUNK] for start in range(0, size, CHUNK)]
        made = [BARE.encrypt(nonce, part, None) for nonce, part in zip(NONCES, chunks, strict=False)]
        found[name] = _together(
            rounds,
            size,
            seal=lambda content=content: seal(KEY, content, CONTEXT),
            write=lambda view=view: _write(view),
            seal_bare=lambda chunks=chunks: _drop(BARE.encrypt, chunks),
            open=lambda sealed=sealed: open_sealed(KEY, sealed, CONTEXT),
            read=lambda sealed=sealed: _read_through(sealed, room),
            open_bare=lambda made=made: _drop(BARE.decrypt, made),
        )
    return found


class _Nowhere:
    def write(self, _: memoryview) -> None:
        """Drop it, as the results of the bare cipher are."""


def _write(view: memoryview) -> None:
    with SealingWriter(_Nowhere(), KEY, CONTEXT) as writer:
        writer.write(view)


def _read_through(sealed: bytes, buffer: bytearray) -> None:
    with UnsealingReader(io.BytesIO(sealed), KEY, CONTEXT) as reader:
        while reader.readinto(buffer):
            pass


def _drop(act: Callable[[bytes, Any, None], bytes], parts: list[Any]) -> None:
    for nonce, part in zip(NONCES, parts, strict=False):
        act(nonce, part, None)


def long() -> dict[str, Any]:
    """A gibibyte in pieces of a mebibyte, and the most memory of the process over what it had before."""
    before = _memory("VmRSS")
    piece = random.Random(1).randbytes(PIECE)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else HERE, prefix="_bench-") as name:
        path, bare = Path(name, "long.sealed"), Path(name, "long.bare")
        _seal(path, piece)
        _seal_bare(bare, piece)
        null = Path(os.devnull)
        found = _together(
            LONG_ROUNDS,
            LONG,
            seal=lambda: _seal(null, piece),
            seal_bare=lambda: _seal_bare(null, piece),
            open=lambda: _open(path),
            open_bare=lambda: _open_bare(bare),
        )
        return {**found, "memory": _memory("VmHWM") - before, **_random(path)}


def _seal(path: Path, piece: bytes) -> None:
    with path.open("wb", buffering=0) as file, SealingWriter(file, KEY, CONTEXT) as writer:
        for _ in range(LONG // PIECE):
            writer.write(piece)


def _seal_bare(path: Path, piece: bytes) -> None:
    view = memoryview(piece)
    with path.open("wb", buffering=0) as file:
        for number in range(LONG // CHUNK):
            at = number * CHUNK % PIECE
            file.write(BARE.encrypt(NONCES[number], view[at : at + CHUNK], None))


def _open(path: Path) -> None:
    buffer = bytearray(PIECE)
    with path.open("rb", buffering=0) as file, UnsealingReader(file, KEY, CONTEXT) as reader:
        while reader.readinto(buffer):
            pass


def _open_bare(path: Path) -> None:
    buffer = bytearray(CHUNK + TAG)
    with path.open("rb", buffering=0) as file:
        for number in range(LONG // CHUNK):
            file.readinto(buffer)
            BARE.decrypt(NONCES[number], buffer, None)


def _random(path: Path) -> dict[str, Any]:
    """Microseconds of reads of 16 KiB: from chunks' beginnings, from anywhere, with a reader made for each; bare at beginnings."""
    drawn, buffer, sealed = random.Random(2), bytearray(CHUNK), bytearray(CHUNK + TAG)
    places = [drawn.randrange(LONG - CHUNK) for _ in range(READS)]

    def cold(at: int) -> None:
        with path.open("rb", buffering=0) as file, UnsealingReader(file, KEY, CONTEXT) as made:
            made.seek(at)
            made.readinto(buffer)

    with path.open("rb", buffering=0) as file, UnsealingReader(file, KEY, CONTEXT) as reader:

        def at_beginnings(at: int) -> None:
            reader.seek(at - at % CHUNK)
            reader.readinto(buffer)

        def anywhere(at: int) -> None:
            reader.seek(at)
            reader.readinto(buffer)

        def bare(at: int) -> None:
            file.seek(HEADER + at // CHUNK * (CHUNK + TAG))
            file.readinto(sealed)
            BARE.encrypt(NONCES[0], sealed, None)

        found = {each.__name__: _microseconds(each, places) for each in (at_beginnings, anywhere, bare)}
    return {**found, "cold": _microseconds(cold, places[:COLD])}


def _microseconds(act: Callable[[int], None], places: list[int]) -> tuple[float, float]:
    """The median and the 99th percentile."""
    taken = []
    for place in places:
        begun = time.perf_counter()
        act(place)
        taken.append(time.perf_counter() - begun)
    taken.sort()
    return taken[len(taken) // 2] * 1e6, taken[len(taken) * 99 // 100] * 1e6


def _together(rounds: int, size: int, **acts: Callable[[], Any]) -> dict[str, tuple[float, float]]:
    """MB for each second, and for each second of processor time, of the best round of each, in turns: other work meets all alike."""
    best = {name: (float("inf"), float("inf")) for name in acts}
    for _ in range(rounds):
        for name, act in acts.items():
            begun, before = time.perf_counter(), time.process_time()
            made = act()
            taken = (time.perf_counter() - begun, time.process_time() - before)
            best[name] = (min(best[name][0], taken[0]), min(best[name][1], taken[1]))
            del made
    return {name: (size / wall / 1e6, size / used / 1e6) for name, (wall, used) in best.items()}


def _memory(name: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


def _openssl() -> str:
    """Return the speed that `openssl speed` gives for the same cipher and size, for the note."""
    command = ["openssl", "speed", "-elapsed", "-seconds", "1", "-bytes", str(CHUNK), "-evp", "aes-256-gcm"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return "no openssl here"
    return f"openssl speed: {float(said[-1].removesuffix('k')) / 1000:,.0f} MB/s"


def run() -> list[Result]:
    """Measure; a minute."""
    found = {name: _child(name) for name in ("whole", "long", "sizes")}
    short, stream, rows = found["whole"], found["long"], []
    for act, bare in (("seal", "sealing"), ("open", "opening")):
        note = f"into one new bytes; {short[f'{act}_dropped'][0]:,.0f} MB/s for the bare cipher if its results are dropped at once"
        rows.append(_speed(f"{bare} 64 MiB in memory, one core", short[act], short[f"{act}_bare"], note))
    for act, bare, note in (
        ("seal", "sealing", f"in pieces of 1 MiB to the null device; {_openssl()}"),
        ("open", "opening", "in pieces of 1 MiB from a file in memory"),
    ):
        rows.append(_speed(f"{bare} a stream of 1 GiB, one core", stream[act], stream[f"{act}_bare"], note))
    for size, one in found["sizes"].items():
        rows.append(_paired(f"sealing {size} into one new bytes", one["seal"], one["seal_bare"]))
        rows.append(_paired(f"sealing {size} through a writer", one["write"], one["seal_bare"]))
        rows.append(_paired(f"opening {size} into one new bytes", one["open"], one["open_bare"]))
        rows.append(_paired(f"opening {size} through a reader", one["read"], one["open_bare"]))
    return [
        *rows,
        Result(
            "most memory over that before, sealing and opening 1 GiB",
            stream["memory"],
            "MiB",
            target=16.0,
            better="lower",
            note="of the whole process; 1 MiB of content and 1 MiB of buffer are the measurement's own",
        ),
        _read("16 KiB from anywhere, key cached, median", stream["anywhere"], stream["bare"][0], 20.0, "touches two chunks"),
        _read("16 KiB from a chunk's beginning, key cached, median", stream["at_beginnings"], stream["bare"][0], 20.0, ""),
        _read(
            "16 KiB from anywhere, key not cached, median", stream["cold"], None, 200.0, "opens the file, derives, checks the last chunk"
        ),
    ]


def _speed(name: str, ours: tuple[float, float], bare: tuple[float, float], note: str) -> Result:
    said = f"{ours[1]:,.0f} and {bare[1]:,.0f} MB for each second of processor time; {note}"
    return Result(name, ours[0], "MB/s", other=bare[0], other_name="bare AESGCM", target=0.6, of="ratio", note=said)


def _paired(name: str, ours: tuple[float, float], bare: tuple[float, float]) -> Result:
    """By processor time, which other work on the machine disturbs less than the clock."""
    said = f"by processor time, results of the bare cipher dropped at once; by the clock {ours[0]:,.0f} and {bare[0]:,.0f} MB/s"
    return Result(name, ours[1], "MB/s", other=bare[1], other_name="bare AESGCM", target=0.6, of="ratio", note=said)


def _read(name: str, ours: tuple[float, float], bare: float | None, target: float, note: str) -> Result:
    said = f"99th percentile {ours[1]:.0f} us" + (f"; {note}" if note else "")
    named = "one chunk read, bare AESGCM" if bare else ""
    return Result(name, ours[0], "us", other=bare, other_name=named, target=target, better="lower", note=said)


def _child(name: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as folder:
        out = Path(folder, "out.json")
        subprocess.run([sys.executable, "-m", "bench.vault", name, str(out)], cwd=HERE.parent, check=True, stdout=2)
        return json.loads(out.read_text())


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    Path(sys.argv[2]).write_text(json.dumps({"whole": whole, "long": long, "sizes": sizes}[sys.argv[1]]()))


if __name__ == "__main__":
    main()
