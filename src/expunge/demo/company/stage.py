"""State that the chapters of the story share: the folder, the company, the requests, and the expectations that failed."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from expunge.core.note import Algorithm, VerifierKey
from expunge.core.values.ids import OrderId
from expunge.demo.company.doorbell import Ring
from expunge.demo.company.narration import Narrator
from expunge.demo.company.outside_search import Search
from expunge.demo.company.schema import ALONE, SHARED
from expunge.demo.company.world import Request, World

OFFICER, DEPUTY = "privacy-officer", "deputy"


class Officer:
    """The person who approves plans, and a deputy, since some deeds take two. Their keys live as long as the demonstration."""

    def __init__(self) -> None:
        self._keys = {name: Ed25519PrivateKey.generate() for name in (OFFICER, DEPUTY)}

    @property
    def approvers(self) -> dict[str, str]:
        """For the data map: name -> verifier key."""
        public = {name: key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) for name, key in self._keys.items()}
        return {name: str(VerifierKey(name, Algorithm.ED25519, each)) for name, each in public.items()}

    def sign(self, message: bytes, name: str = OFFICER) -> str:
        """Base64 of the signature."""
        return base64.b64encode(self._keys[name].sign(message)).decode()


@dataclass
class Stage:
    """The state of one performance of the demonstration."""

    folder: Path
    narrator: Narrator
    world: World
    officer: Officer
    workers: int = 0
    """How many processes carry the orders out; 0: this one, with Expunge's own state in a folder."""
    strings: dict[str, list[str]] = field(default_factory=dict)
    """By profile: what ``before.json`` holds."""
    orders: list[OrderId] = field(default_factory=list)
    """In the order of the requests."""
    before: dict[str, int] = field(default_factory=dict)
    """By store: strings and pieces of sound of all who asked, found by the outside search before."""
    rings: tuple[Ring, ...] = ()
    """The films that the doorbell made."""
    survey: dict[str, str] = field(default_factory=dict)
    """Digest of every item before."""
    failures: list[str] = field(default_factory=list)

    @property
    def map(self) -> Path:
        """The data map."""
        return self.folder / "expunge.yaml"

    @property
    def state(self) -> str:
        """The place of Expunge's own state, as the data map names it."""
        return SHARED if self.workers else ALONE

    @property
    def requests(self) -> list[tuple[int, OrderId, Request]]:
        """Number from 1, order and request of all who asked."""
        return [(at + 1, order, request) for at, (order, request) in enumerate(zip(self.orders, self.world.requests, strict=True))]

    @property
    def erased(self) -> frozenset[str]:
        """Profiles of the people to be erased."""
        return frozenset(request.person.profile_id for request in self.world.requests)

    def guardian(self, number: int) -> Path:
        """Return the folder of the requester of the n-th request, counted from 1."""
        return self.folder / "guardian" / str(number)

    @cached_property
    def search(self) -> Search:
        """Looks for everything that was one person's alone, of all who asked; used after their strings are known."""
        pieces = [piece for profile in sorted(self.erased) for piece in self.world.book.own_samples(profile)]
        return Search([text for texts in self.strings.values() for text in texts], pieces)

    def expect(self, good: bool, text: str) -> None:
        """Report the end of a check. An unexpected end makes the whole demonstration fail."""
        self.narrator.point(text, good=good)
        if not good:
            self.failures.append(text)

    def expunge(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in a process of its own, as a stranger would."""
        return run([sys.executable, "-m", "expunge", *arguments])


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program and keep its output."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, "NO_COLOR": "1"})
