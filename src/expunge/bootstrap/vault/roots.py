"""The root of the vault that the map names, opened; and the faults that `check` tells about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from expunge.adapters.host.secret_file import read_secret
from expunge.adapters.keys import key_files
from expunge.adapters.roots.guarded_root import Guard, GuardedRoot
from expunge.adapters.roots.local_root import LocalRoot
from expunge.adapters.roots.moved_root import MovedRoot
from expunge.adapters.roots.transit_guard import TransitGuard
from expunge.bootstrap.open_state import read_installed
from expunge.bootstrap.state_folder import KEYS
from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.vault_root import RootKind, RootSpec
from expunge.core.values.copy import Finding, FindingKind
from expunge.errors import ExpungeError, KeystoreLocked, Misconfigured
from expunge.ports.vault.root_keys import RootKeys

if TYPE_CHECKING:
    from types import ModuleType

FOLDER = "vault"
ROOT = f"{FOLDER}/root"
"""The folder of a root of kind ``folder``. Others lie beside it, with their kind and a digest in the name."""


def open_root(state: Path, spec: RootSpec, passphrase: str | None) -> RootKeys:
    """Open the root that the map names, or make it.

    Raises:
        Misconfigured: an epoch lives in a root that the map does not name, or the client of a token is not installed.
        KeystoreLocked: the passphrase, the PIN or the token of a service is missing or wrong.
        RootUnavailable, StateCorrupt: as the root.
    """
    _refuse_forgotten(state, spec)
    current = _opened(state, spec, passphrase)
    return current if spec.before is None else MovedRoot(current, _opened(state, spec.before, passphrase))


def folder_of(state: Path, spec: RootSpec) -> Path:
    """Return the folder in which a root keeps its files."""
    if spec.kind is RootKind.FOLDER:
        return state / ROOT
    told = sha256("\0".join(spec.identity).encode()).hexdigest()[:12]
    return state / f"{ROOT}-{spec.kind.value}-{told}"


def places(state: Path, spec: RootSpec) -> Iterator[tuple[str, Path]]:
    """Yield (name, path) of the files and folders that a reader of the epochs' keys has to read, as far as they are here."""
    for each in (spec, spec.before):
        if each is not None:
            yield "root of the vault", folder_of(state, each)
            if each.secret_file:
                yield f"PIN of {each.place}" if each.kind is RootKind.PKCS11 else f"token of {each.place}", Path(each.secret_file)


def seen(map_path: Path | str | None) -> tuple[Finding, ...]:
    """Return the faults of the root that the map names, for `check`: it is asked as an ingest would ask it, and nothing is made."""
    try:
        data_map = read_installed(map_path)
    except ExpungeError:
        return ()
    return tuple(_faults(data_map, Path(data_map.state)))


def _faults(data_map: DataMap, state: Path) -> Iterator[Finding]:
    store = next((name for name, each in data_map.stores.items() if each.kind == "vault"), "")
    spec = data_map.vault_root
    if not store:
        if spec.kind is not RootKind.FOLDER:
            what = "the map names a root of the vault, and no store of kind vault"
            yield Finding(FindingKind.NOTE, "vault_root", "vault_root", what, "declare a vault, or take vault_root out", spec.line)
        return
    try:
        if (state / KEYS).exists():
            _refuse_forgotten(state, spec)
        for each in (spec, spec.before):
            if each is not None and each.kind is not RootKind.FOLDER:
                guard = _guard(each)
                guard.names(each.prefix)
                yield from _lacking(guard, each, store)
    except ExpungeError as error:
        kind = FindingKind.PERMISSION if isinstance(error, KeystoreLocked) else FindingKind.UNREADABLE
        yield Finding(kind, store, "vault_root", f"the root of the vault: {error.message}", error.help, spec.line)


def _lacking(guard: Guard, spec: RootSpec, store: str) -> Iterator[Finding]:
    if isinstance(guard, TransitGuard) and (lacks := guard.lacking(spec.prefix)):
        what = f"the root of the vault: the policy of this token lacks {', '.join(lacks)}"
        yield Finding(FindingKind.PERMISSION, store, "vault_root", what, "docs/howto/roots.md has the policy", spec.line)


def _opened(state: Path, spec: RootSpec, passphrase: str | None) -> RootKeys:
    folder = folder_of(state, spec)
    if spec.kind is RootKind.FOLDER:
        return LocalRoot(folder, passphrase)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    copied = (state / ROOT / key_files.ROOT_FILE).exists()
    return GuardedRoot(folder, _guard(spec), prefix=spec.prefix, after_copyable=copied)


def _guard(spec: RootSpec) -> Guard:
    if spec.kind is RootKind.TRANSIT:
        return TransitGuard(spec.url, _secret(spec), spec.mount)
    guard: Guard = _tokens().Pkcs11Guard(Path(spec.library), spec.token, _secret(spec))
    return guard


def _tokens() -> ModuleType:
    try:
        # Why late: the client of tokens is an extra.
        from expunge.adapters.roots import pkcs11_guard
    except ImportError as error:
        message = "a root in a PKCS#11 token needs a package that is not installed: python-pkcs11"
        raise Misconfigured(message, help="pip install 'expunge[pkcs11]'") from error
    return pkcs11_guard


def _secret(spec: RootSpec) -> Callable[[], str]:
    """Return a function that reads the PIN or the token where the map says it is, each time anew: it may be changed."""
    what = "PIN" if spec.kind is RootKind.PKCS11 else "token"
    return lambda: read_secret(spec.secret_file, spec.secret_variable, what, spec.place)


def _refuse_forgotten(state: Path, spec: RootSpec) -> None:
    """Refuse a map that does not name a root in which an epoch lives. Raises Misconfigured."""
    named = {folder_of(state, each) for each in (spec, spec.before) if each is not None}
    try:
        folders = [each for each in sorted((state / FOLDER).iterdir()) if each.name.startswith("root") and each not in named]
    except (FileNotFoundError, NotADirectoryError):
        return
    for folder in folders:
        epochs = _living(folder)
        if epochs:
            kind = RootKind.FOLDER.value if folder == state / ROOT else folder.name.split("-")[1]
            message = f"epoch {', '.join(map(str, epochs))} lives in another root (kind {kind}) than the one that the map names"
            help_ = "name that one under `before:` of vault_root, then `expunge vault rotate`; it may go when its epochs are destroyed"
            raise Misconfigured(message, help=help_)


def _living(folder: Path) -> list[int]:
    numbers = (int(path.stem.removeprefix("epoch-")) for path in folder.glob("epoch-*.key"))
    return sorted(each for each in numbers if not (folder / "destroyed" / str(each)).exists())
