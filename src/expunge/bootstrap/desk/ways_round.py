"""The ways round the review desk of a map: what its stores tell, and who holds the keys of its vault. No state is opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from expunge.adapters.keys import key_files
from expunge.bootstrap.open_state import read_installed
from expunge.bootstrap.state_folder import KEYS
from expunge.bootstrap.vault import roots
from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.vault_root import RootKind
from expunge.core.review.reach import Reach, Reached
from expunge.core.values.copy import Finding
from expunge.engine.retention import ways_round
from expunge.errors import ExpungeError
from expunge.ports.recognition import Recognise
from expunge.ports.review.ways_in import Way, WayIn, WayUnseen
from expunge.ports.store import Store
from expunge.residue.opaque.recognition import recognise
from expunge.stores import OpenStores
from expunge.stores.reach import file_readers, folder_shares

_VAULT = "vault"


@dataclass(frozen=True)
class _Places:
    data_map: DataMap
    open_store: Callable[[str], Store]
    recognise: Recognise = recognise


def reaches(map_path: Path | str | None = None) -> tuple[Reach, ...]:
    """Return every way to recordings, their ciphertext and their keys that can be told from here. Raises Misconfigured."""
    data_map = read_installed(map_path)
    stores = OpenStores(data_map)
    try:
        found = tuple(ways_round.reaches(_Places(data_map, stores)))
    finally:
        stores.close()
    return (*found, *_keys(data_map, found))


def seen(map_path: Path | str | None = None) -> tuple[Finding, ...]:
    """Return what `check` says of the ways round the desk; nothing without a review desk."""
    if read_installed(map_path).review is None:
        return ()
    return tuple(ways_round.findings(reaches(map_path)))


def _keys(data_map: DataMap, found: tuple[Reach, ...]) -> Iterator[Reach]:
    """Yield who could decrypt sealed recordings: the readers of the keystore and of the root, and who knows what opens them."""
    sealed = tuple(dict.fromkeys(name for each in found if each.reached is Reached.CIPHERTEXT for name in each.datasets))
    store = next((name for name, each in data_map.stores.items() if each.kind == _VAULT), "")
    state = Path(data_map.state)
    if not sealed or not (state / KEYS).exists():
        return
    for way in _ways(data_map, state):
        yield ways_round.of(way, store, sealed, Reached.KEYS)


def _ways(data_map: DataMap, state: Path) -> Iterator[Way]:
    folder, spec = state / KEYS, data_map.vault_root
    for path in (folder, *(path for _, path in roots.places(state, spec))):
        yield from file_readers.ways_to(path)
    yield from folder_shares.shares_of(folder)
    try:
        wrapped = key_files.is_wrapped((folder / key_files.ROOT_FILE).read_bytes())
    except (OSError, ExpungeError):
        yield WayUnseen(str(folder), "whether a passphrase locks the keystore: it cannot be read", "check as the service's own account")
    else:
        mend = "few people, each named in the ledger of roles, and a new passphrase when one leaves"
        if wrapped:
            how = "the passphrase opens the keystore, beside its files"
            yield WayIn("who knows the passphrase of the keystore, and reads its files", how, str(folder), mend, own=True)
        else:
            how = "no passphrase locks the keystore: its files are enough"
            yield WayIn(
                "who reads the files of the keystore, or a copy of them",
                how,
                str(folder),
                "`expunge keys rotate` with a passphrase",
                own=True,
            )
    for each in (spec, spec.before):
        if each is not None and each.kind is not RootKind.FOLDER:
            who = "who has the token and its PIN" if each.kind is RootKind.PKCS11 else "administrators of the key service"
            yield WayIn(
                who, f"epochs of the vault are opened by {each.place}", each.place, "few people, and its own record of each use", own=True
            )


def own_account() -> str:
    """Return the account under which this process looked: what it says of others is seen from there."""
    return file_readers.account_of(os.geteuid())
