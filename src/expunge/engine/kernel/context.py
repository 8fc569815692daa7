"""The context that every use case is handed: the map, the ports, and how to open a store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from expunge.core.datamap.datamap import DataMap
from expunge.core.values.ids import OrderId
from expunge.ports.clock import Clock
from expunge.ports.commands import Commands
from expunge.ports.exports.export_shelf import ExportShelf
from expunge.ports.gate import GatePublisher
from expunge.ports.journal import Journal
from expunge.ports.keys import Keys
from expunge.ports.log import TransparencyLog
from expunge.ports.outbox import Outbox
from expunge.ports.recognition import Recognise
from expunge.ports.scanner import Scanner
from expunge.ports.shelf import Shelf
from expunge.ports.store import Store
from expunge.ports.trainings import Trainings


@dataclass(frozen=True)
class Progress:
    """One thing that just began, goes on or ended, for bars and JSON lines; names of the map and numbers only."""

    step: str
    """Step id, or ``receipts``."""
    state: str
    """``start``, ``going`` (a command told how far it is), ``done``, ``unable``."""
    done: int
    total: int
    seconds: float = 0.0
    share: float = 0.0
    """From 0 to 1, for ``going``."""


Reporter = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Drop the report."""


class OpenPlaces(Protocol):
    """The part of the context that looking at stores needs: the map, and how to open a store."""

    @property
    def data_map(self) -> DataMap:
        """The declaration."""
        ...

    @property
    def open_store(self) -> Callable[[str], Store]:
        """Opens (once) the store of that name; raises StoreUnavailable."""
        ...

    @property
    def recognise(self) -> Recognise:
        """Tells sounds and pictures by their first bytes."""
        ...


@dataclass(frozen=True)
class Context:
    """The composition that ``bootstrap`` made."""

    data_map: DataMap
    map_digest: str
    journal: Journal
    keys: Keys
    shelf: Shelf
    outbox: Outbox
    log: TransparencyLog
    scanner: Scanner
    clock: Clock
    open_store: Callable[[str], Store]
    """Opens (once) the store of that name; raises StoreUnavailable."""
    recognise: Recognise
    """Tells sounds and pictures by their first bytes."""
    publish_gate: GatePublisher
    """Writes the signed snapshot that pipelines read."""
    random: Callable[[int], bytes]
    """Random bytes: order ids, nonces."""
    pause: Callable[[float], None]
    """Waits between two attempts at a step, in seconds."""
    trust_policy: Callable[[], str]
    """The trust policy that goes with receipts signed now."""
    version: str
    commands: Commands | None = None
    """Runs the commands of the map; None where nothing may be run."""
    trainings: Trainings | None = None
    """Where sealed manifests of artefacts lie; None where the map names no place."""
    scratch: Path | None = None
    """Folder for what commands leave to be read: nothing stays in it."""
    exports: ExportShelf | None = None
    """Where exports wait to be fetched; None where none are kept."""
    reprobe_after: timedelta = field(default=timedelta(days=30))


def new_order_id(context: Context) -> OrderId:
    """Draw an order id: ``ord-`` and 20 base32 characters, which reveal nothing about a person."""
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    return OrderId("ord-" + "".join(alphabet[byte % 32] for byte in context.random(20)))
