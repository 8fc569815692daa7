"""What the tests of PostgreSQL's files share: prose that compresses, a writer of pglz, and where a relation's bytes lie."""

from __future__ import annotations

import random
from pathlib import Path

import psycopg

from expunge.servers.postgres import PostgresServer

WORDS = (
    "quick",
    "brown",
    "fox",
    "over",
    "lazy",
    "dog",
    "near",
    "river",
    "bank",
    "old",
    "mill",
    "turns",
    "slow",
    "wind",
    "small",
    "boats",
    "home",
)


def token(number: int, seed: str = "t") -> str:
    rng = random.Random(f"{seed}{number}")
    return f"{rng.getrandbits(40):x}-kite-{rng.getrandbits(40):x}"


def prose(words: int, seed: int) -> str:
    rng = random.Random(seed)
    return " ".join(rng.choice(WORDS) for _ in range(words))


def unseen(text: str, whole: str) -> str:
    """The token made of words that occurred before, so that compression cuts it to pieces."""
    return f"{whole[: len(whole) // 2]} {text} {whole[len(whole) // 2 :]} {text} {whole} {text}"


def files(server: PostgresServer, connection: psycopg.Connection, relation: str) -> list[Path]:
    """Files of a relation and of its table of long values."""
    rows = connection.execute(
        "SELECT pg_relation_filepath(oid), pg_relation_filepath(nullif(reltoastrelid, 0)) FROM pg_class WHERE oid = %s::regclass",
        [relation],
    ).fetchall()
    return [server.data / each for row in rows for each in row if each]


def grep(paths: list[Path], text: str) -> int:
    return sum(path.read_bytes().count(text.encode()) for path in paths)


def pack_pglz(data: bytes) -> bytes:
    """The simplest writer of pglz: the longest match within the last 4,095 bytes, sought by brute force."""
    out, at = bytearray(), 0
    while at < len(data):
        control, items = 0, bytearray()
        for bit in range(8):
            if at >= len(data):
                break
            length, distance = _match(data, at)
            if length >= 3:
                control |= 1 << bit
                items += bytes([(distance >> 4) & 0xF0 | min(length - 3, 15), distance & 0xFF])
                if length >= 18:
                    items.append(length - 18)
                at += length
            else:
                items.append(data[at])
                at += 1
        out.append(control)
        out += items
    return bytes(out)


def _match(data: bytes, at: int) -> tuple[int, int]:
    best = (0, 0)
    for start in range(max(0, at - 4095), at):
        length = 0
        while length < 273 and at + length < len(data) and data[start + length] == data[at + length]:
            length += 1
        best = max(best, (length, at - start))
    return best
