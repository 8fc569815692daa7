"""Put together what a look for undeclared places reads with, and look, with or without a state."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

from expunge.bootstrap.open_state import read_installed
from expunge.bootstrap.state_folder import KEYS
from expunge.core.datamap.datamap import DataMap
from expunge.core.discovery.discovery import Discovery
from expunge.engine.aftercare.own_evidence import OwnEvidence
from expunge.engine.discovery.discovery import discover
from expunge.engine.discovery.readers import DiscoveryReaders
from expunge.engine.kernel.context import Context
from expunge.maps.proposal.later_entries import LaterEntries
from expunge.ports.scanner import Scanner
from expunge.residue.opaque.recognition import recognise
from expunge.residue.scanning.scanner import ResidueScanner
from expunge.stores import Kinds, OpenStores, lake_columns, open_survey


class _Places:
    """A map and its stores, where there is no state."""

    def __init__(self, data_map: DataMap) -> None:
        self.data_map = data_map
        self.open_store = OpenStores(data_map)
        self.recognise = recognise


def look(context: Context, signers: tuple[bytes, ...]) -> Discovery:
    """Look at every store of an installation and beside it; ``signers``: every key that signed here, by which its own evidence is known."""
    eyes = replace(_eyes(context.data_map, context.scanner), evidence=OwnEvidence(context, signers))
    return discover(context, eyes)


def look_without_state(map_path: Path | str | None) -> Discovery:
    """Look at every store of a map and beside it; nobody remembers that. Raises Misconfigured for a map with faults."""
    places = _Places(read_installed(map_path))
    scanner = ResidueScanner(processes=1)
    try:
        return discover(places, _eyes(places.data_map, scanner))
    finally:
        scanner.close()
        places.open_store.close()


def has_state(map_path: Path | str | None) -> bool:
    """Return whether a map has keys and state. Raises Misconfigured for a map with faults."""
    return (Path(read_installed(map_path).state) / KEYS).exists()


def _eyes(data_map: DataMap, scanner: Scanner) -> DiscoveryReaders:
    kinds = Kinds()
    source = Path(data_map.source)
    own = [Path(data_map.state), source]
    if data_map.trainings is not None:
        own += [Path(data_map.trainings.ledger), Path(data_map.trainings.key)]
    if data_map.witnesses is not None:
        own.append(Path(data_map.witnesses.policy))

    def places(name: str) -> frozenset[Path]:
        spec = data_map.stores[name]
        # Why the url as well: a folder of backups holds no datasets, and is declared all the same.
        told = (*kinds[spec.kind].places(spec), *([spec.url] if spec.url.startswith("/") else []))
        return frozenset(Path(each.removeprefix("file://")) for each in told)

    return DiscoveryReaders(
        open_survey=open_survey,
        lake_columns=lake_columns,
        recognise=recognise,
        account=scanner.unread,
        said=scanner.said,
        entries=LaterEntries(source.absolute().parent),
        random=secrets.token_bytes,
        own=frozenset(each.resolve() for each in own),
        places=places,
    )
