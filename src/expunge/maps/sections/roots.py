"""The section ``vault_root`` of a map: the place that keeps the keys of the vault's epochs."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from expunge.core.datamap.vault_root import MOUNT, PREFIX, RootKind, RootSpec
from expunge.core.values.service_address import fault_of
from expunge.maps.document import words
from expunge.maps.document.faults import did_you_mean
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import TableNode, Value
from expunge.ports.store_kind import absolute

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_MOUNT = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NEEDED = {RootKind.FOLDER: (), RootKind.PKCS11: ("library", "token"), RootKind.TRANSIT: ("url",)}
_ALLOWED = {
    RootKind.FOLDER: (),
    RootKind.PKCS11: ("library", "token", "prefix", *words.SECRETS),
    RootKind.TRANSIT: ("url", "mount", "prefix", *words.SECRETS),
}


def read_vault_root(form: Form, root: TableNode, folder: Path) -> RootSpec:
    """The section ``vault_root``; without it, the folder."""
    value = root.get("vault_root")
    spec = _read(form, value, "vault_root", folder, words.ROOT) if value is not None else None
    if spec is not None and spec.before is not None and spec.before.identity == spec.identity:
        form.faults.add("bad-root", spec.before.line, "vault_root.before names the same root", "leave it out, or give another `prefix`")
    return spec or RootSpec()


def _read(form: Form, value: Value, what: str, folder: Path, keys: tuple[str, ...]) -> RootSpec | None:
    table = form.table(value, what, keys, ("kind",))
    word = form.text(table.get("kind"), f"{what}.kind") if table is not None else None
    if table is None or word is None:
        return None
    if word not in list(RootKind):
        form.faults.add("bad-root", table.line_of("kind"), f"{what}.kind: no root is a {word!r}", did_you_mean(word, list(RootKind)))
        return None
    kind = RootKind(word)
    form.table(table, what, required=_NEEDED[kind])
    for name, _ in table.entries:
        if name.text in words.ROOT and name.text not in {"kind", "before", *_ALLOWED[kind]}:
            form.faults.add("bad-root", name.line, f"{what}: a root of kind {word} has no {name.text}", f"leave {name.text} out")
    if kind is not RootKind.FOLDER:
        _check_secret(form, table, what)
    secret, library = form.text(table.get("secret_file"), f"{what}.secret_file"), form.filled(table.get("library"), f"{what}.library")
    before = table.get("before")
    guarded = kind is not RootKind.FOLDER
    return RootSpec(
        kind=kind,
        library=absolute(folder, library) if library else "",
        token=form.text(table.get("token"), f"{what}.token") or "",
        url=_url(form, table, what),
        mount=(form.parsed(table.get("mount"), f"{what}.mount", "bad-root", _mount) or MOUNT) if kind is RootKind.TRANSIT else "",
        prefix=(form.parsed(table.get("prefix"), f"{what}.prefix", "bad-root", _prefix) or PREFIX) if guarded else "",
        secret_file=absolute(folder, secret) if secret else "",
        secret_variable=form.parsed(table.get("secret_variable"), f"{what}.secret_variable", "bad-root", _variable) or "",
        before=_read(form, before, f"{what}.before", folder, words.FORMER_ROOT) if before is not None else None,
        line=table.line,
    )


def _check_secret(form: Form, table: TableNode, what: str) -> None:
    given = [key for key in words.SECRETS if table.get(key) is not None]
    if len(given) != 1:
        text = f"{what} names {'two places' if given else 'no place'} of its PIN or token"
        form.faults.add("bad-root", table.line, text, "secret_file: ./hsm.pin, or secret_variable: HSM_PIN")


def _url(form: Form, table: TableNode, what: str) -> str:
    """Return the address of a key service. What is no such address is never shown: it may hold a token."""
    text = form.filled(table.get("url"), f"{what}.url") or ""
    if text and ("@" in text or fault_of(urlsplit(text))):
        write = "url: https://keys.example.org:8200, or http to this machine alone"
        form.faults.add(
            "bad-root", table.line_of("url"), f"{what}.url is no address that only the service can read, or has a token in it", write
        )
    return text.rstrip("/")


def _mount(text: str) -> str:
    return _matching(_MOUNT, text, "mount: transit")


def _prefix(text: str) -> str:
    return _matching(_WORD, text, "prefix: expunge, at most 32 letters, digits, '_' and '-'")


def _variable(text: str) -> str:
    return _matching(_VARIABLE, text, "secret_variable: the name of a variable, without ${}")


def _matching(pattern: re.Pattern[str], text: str, write: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(write)
    return text
