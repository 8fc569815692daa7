"""Traces: keyed fingerprints of windows of a subject's content, taken before erasing to look for residue after.

A fingerprint says nothing without the key, which dies at the traces' end date. The scanner (``expunge.residue``) makes and finds them; the
core only counts them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from expunge.core.ids import Pseudonym


@dataclass(frozen=True)
class Trace:
    """One fingerprint."""

    subject: Pseudonym
    dataset: str
    part: str
    """Field or column the window was taken from (a name of the map or schema), ``name`` for file names."""
    form: str
    """How the bytes were written: ``utf-8``, ``utf-16``, ``hex``, ``base64+1``, ``json``, ``sql``, ``pcm16``, ``float32`` ..."""
    anchor: int = field(repr=False)
    """Keyed 64-bit hash of the first ``width`` bytes."""
    width: int
    """8 or 16: bytes under the anchor."""
    length: int
    """Bytes under ``digest``; at least ``width``."""
    digest: bytes = field(repr=False)
    """Keyed BLAKE2b (16 bytes) of the ``length`` bytes."""


@dataclass(frozen=True)
class Traces:
    """All fingerprints of one order, with the key that makes them comparable."""

    key: bytes = field(repr=False)
    """32 bytes, from the keystore; never stored beside the traces."""
    traces: tuple[Trace, ...]
    controls: frozenset[Pseudonym] = frozenset()
    """The subjects among the traces who stay: finding them shows that the scan can see (the positive control)."""
