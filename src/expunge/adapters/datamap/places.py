"""The sections of a map that name places and people: state, stores, identities, retention, approvers."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from expunge.adapters.datamap import words
from expunge.adapters.datamap.faults import did_you_mean
from expunge.adapters.datamap.form import Form
from expunge.adapters.datamap.idle import read_last_used
from expunge.adapters.datamap.nodes import Scalar, Table, Value
from expunge.core.datamap import IdentitySpec, Retention, StoreSpec
from expunge.core.ids import MODEL
from expunge.core.note import Algorithm, parse_key
from expunge.core.retention import Period, parse_period
from expunge.errors import EvidenceInvalid

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")
Options = dict[str, "str | int | bool | Mapping[str, str]"]

_WINDOW = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]")
_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FOREVER = re.compile(r"(?i)forever|unlimited|indefinite(ly)?|infinite|never|none|-1|0( .*)?|permanent(ly)?|as long as .*|until .*")


def absolute(folder: Path, text: str) -> str:
    """A path of the map, absolute and without ``.`` and ``..``; symbolic links stay as they are."""
    return os.path.normpath(folder / text)


def read_state(form: Form, root: Table, folder: Path) -> tuple[str, str]:
    """(folder, server) of Expunge's own state; ``sqlite:///FOLDER/state.db`` means its folder.

    With ``state: postgresql://...`` orders and receipts lie there, keys and log in ``state_folder`` (``.expunge`` beside the map).
    """
    value, beside = root.get("state"), root.get("state_folder")
    text = form.filled(value, "state") if value is not None else None
    if text is None or not text.startswith(POSTGRES):
        if beside is not None:
            form.faults.add("bad-state", beside.line, "state_folder goes with state on PostgreSQL", "state: the folder itself")
        return _state_folder(form, value, text, folder), ""
    named = form.filled(beside, "state_folder") if beside is not None else ".expunge"
    return absolute(folder, named or ".expunge"), text


def _state_folder(form: Form, value: Value | None, text: str | None, folder: Path) -> str:
    if text is None or value is None:
        return absolute(folder, ".expunge")
    if "://" in text and not text.startswith(SQLITE):
        form.faults.add("bad-state", value.line, "state is kept in a local folder, or on PostgreSQL", "state: .expunge")
    elif text.startswith(SQLITE):
        inner = Path(text.removeprefix(SQLITE))
        if inner.name and inner.parent != Path():
            return absolute(folder, str(inner.parent))
        form.faults.add("bad-state", value.line, "state needs a folder of its own", "state: sqlite:///.expunge/state.db")
    else:
        return absolute(folder, text)
    return absolute(folder, ".expunge")


def read_stores(form: Form, root: Table, folder: Path, known_kinds: Collection[str]) -> dict[str, StoreSpec]:
    """The section ``stores``."""
    stores = {}
    for name, value in form.named(root, "stores"):
        what = f"stores.{name.text}"
        table = form.table(value, what, required=("kind", "url"))
        if table is None:
            continue
        kind = form.text(table.get("kind"), f"{what}.kind") or ""
        if kind and kind not in known_kinds:
            line = table.line_of("kind")
            form.faults.add("unknown-kind", line, f"{what}: kind {kind!r} is not supported", did_you_mean(kind, known_kinds))
        if kind in words.OPTIONS:
            form.table(table, what, (*words.STORE, *words.OPTIONS[kind]))
        stores[name.text] = StoreSpec(
            name=name.text,
            kind=kind,
            url=_url(form, table, what, kind, folder),
            options=_options(form, table, what, kind, folder),
            window=form.parsed(table.get("window"), f"{what}.window", "bad-window", _window) or "",
            outside=form.texts(table.get("outside"), f"{what}.outside", one_is_enough=True),
            line=name.line,
        )
    return stores


def _url(form: Form, table: Table, what: str, kind: str, folder: Path) -> str:
    text = form.filled(table.get("url"), f"{what}.url")
    if text is None:
        return ""
    line = table.line_of("url")
    means = _URLS.get(kind)
    if means is None:
        return _located(folder, text)
    url = means[0](folder, text)
    if not url:
        form.faults.add("bad-url", line, f"{what}: the url of a {kind} store names {means[1]}", f"url: {means[2]}")
    return url


def _folder_url(folder: Path, text: str) -> str:
    return "" if "://" in text or text.startswith("~") else absolute(folder, text)


def _sqlite_url(folder: Path, text: str) -> str:
    path = text.removeprefix(SQLITE)
    if path == text or not path or path.startswith(":") or re.search(r"[?#\0]", path):
        return ""
    return SQLITE + absolute(folder, path)


def _server_url(_: Path, text: str) -> str:
    return text if text.startswith(POSTGRES) else ""


def _bucket_url(_: Path, text: str) -> str:
    return text if re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", text) else ""


def _lake_url(folder: Path, text: str) -> str:
    return _bucket_url(folder, text) if text.startswith("s3://") else _folder_url(folder, text)


_URLS: dict[str, tuple[Callable[[Path, str], str], str, str]] = {
    "files": (_folder_url, "a folder", "./media, or ${HOME}/media"),
    "sqlite": (_sqlite_url, "one file", "sqlite:///app.db"),
    "postgres": (_server_url, "a database", "${APP_DB}, filled with postgresql://HOST/NAME"),
    "s3": (_bucket_url, "a bucket", "s3://BUCKET/PREFIX"),
    "parquet": (_lake_url, "a folder or a bucket", "./lake, or s3://BUCKET/PREFIX"),
    "faiss": (_folder_url, "a folder", "./vectors"),
    "lancedb": (_folder_url, "a folder", "./vectors"),
    "backup": (_folder_url, "a folder", "./backups"),
    "mlflow": (_sqlite_url, "the backend's database file", "sqlite:///mlflow.db"),
}
"""Kind -> how its url is understood (empty when it cannot be), what it names, and an example."""


def _located(folder: Path, text: str) -> str:
    """For kinds that check their own url: make what is plainly a local path absolute."""
    if text.startswith(SQLITE) and len(text) > len(SQLITE):
        return SQLITE + absolute(folder, text.removeprefix(SQLITE))
    return absolute(folder, text) if text.startswith(("./", "../")) else text


def _options(form: Form, table: Table, what: str, kind: str, folder: Path) -> Options:
    options: Options = {}
    for name, value in table.entries:
        if name.text in words.STORE or name.text not in words.OPTIONS.get(kind, (name.text,)):
            continue
        if kind == "sqlite" and name.text == "attach":
            options["attach"] = _attached(form, value, f"{what}.attach", folder)
            continue
        if isinstance(value, Table):
            pairs = ((key.text, form.filled(each, f"{what}.{name.text}.{key.text}")) for key, each in value.entries)
            options[name.text] = {key: _located(folder, text) for key, text in pairs if text is not None}
        elif isinstance(value, Scalar) and value.read_as in {"bool", "int"}:
            options[name.text] = _plain(form, value, f"{what}.{name.text}")
        elif (text := form.filled(value, f"{what}.{name.text}")) is not None:
            options[name.text] = _located(folder, text)
    return options


def _plain(form: Form, value: Scalar, what: str) -> int | bool:
    """Only the spellings that every reader takes alike: true, false, and decimal numbers."""
    if value.text in {"true", "false"}:
        return value.text == "true"
    if re.fullmatch(r"0|-?[1-9][0-9]{0,17}", value.text):
        return int(value.text)
    key = what.rsplit(".", 1)[-1]
    form.faults.add(
        "coerced-value", value.line, f"{what}: {value.text} means different things to different readers", f'{key}: true, 12 or "text"'
    )
    return False


def _attached(form: Form, value: Value, what: str, folder: Path) -> dict[str, str]:
    table = form.table(value, what)
    attached = {}
    for alias, each in table.entries if table else ():
        path = form.filled(each, f"{what}.{alias.text}")
        if alias.read_as or not _ALIAS.fullmatch(alias.text) or alias.text.lower() in {"main", "temp"}:
            form.faults.add(
                "bad-attach", alias.line, f"{what}: {alias.text!r} cannot name an attached database", "attach: {archive: ./archive.db}"
            )
        elif path is not None:
            attached[alias.text] = absolute(folder, path.removeprefix(SQLITE))
    return attached


def _window(text: str) -> str:
    first, _, last = text.partition("-")
    if not _WINDOW.fullmatch(text) or first == last:
        message = 'window: "02:00-05:00", hours and minutes of UTC'
        raise ValueError(message)
    return text


def read_identities(form: Form, root: Table) -> dict[str, IdentitySpec]:
    """The section ``identities``."""
    identities = {}
    for name, value in form.named(root, "identities"):
        what = f"identities.{name.text}"
        if name.text == MODEL:
            form.faults.add("bad-name", name.line, f"{what}: the gate knows models by this word", "another name for the people")
        table = form.table(value, what, words.IDENTITY, ("dataset", "key"))
        if table is not None:
            identities[name.text] = IdentitySpec(
                kind=name.text,
                dataset=form.text(table.get("dataset"), f"{what}.dataset") or "",
                key=form.text(table.get("key"), f"{what}.key") or "",
                also=form.texts(table.get("also"), f"{what}.also", one_is_enough=True),
                member_of=form.text(table.get("member_of"), f"{what}.member_of"),
                last_used=read_last_used(form, table.get("last_used"), what),
                inactive_after=_period_of(form, table, f"{what}.inactive_after"),
                line=name.line,
            )
    return identities


def read_retention(form: Form, root: Table) -> dict[str, Retention]:
    """The section ``retention``. An entry with a faulty period is left out."""
    entries = {}
    for name, value in form.named(root, "retention"):
        what = f"retention.{name.text}"
        table = form.table(value, what, words.RETENTION, ("period", "from", "purpose", "need"))
        if table is None:
            continue
        period = _period(form, table.get("period"), f"{what}.period")
        texts = {key: form.text(table.get(key), f"{what}.{key}") or "" for key in ("from", "purpose", "need")}
        entries[name.text] = Retention(
            name=name.text,
            # A stand-in for what a noted fault leaves unknown; a map with faults is never handed out for use.
            period=period or Period(days=1),
            start=texts["from"],
            purpose=texts["purpose"],
            need=texts["need"],
            inactive_after=_period_of(form, table, f"{what}.inactive_after"),
            line=name.line,
        )
    return entries


def _period_of(form: Form, table: Table, what: str) -> Period | None:
    """A period that need not be there."""
    value = table.get(what.rsplit(".", 1)[-1])
    return _period(form, value, what) if value is not None else None


def _period(form: Form, value: Value | None, what: str) -> Period | None:
    if isinstance(value, Scalar) and _FOREVER.fullmatch(value.text):
        form.faults.add("forever", value.line, f"{what}: {value.text!r} is no finite period", f"{what.rsplit('.', 1)[-1]}: 90 days")
        return None
    return form.parsed(value, what, "bad-period", parse_period)


def read_approvers(form: Form, root: Table) -> dict[str, str]:
    """The section ``approvers``: name -> verifier key."""
    approvers = {}
    for name, value in form.named(root, "approvers"):
        key = form.filled(value, f"approvers.{name.text}")
        if key is None:
            continue
        if not is_verifier_key(key):
            what = f"approvers.{name.text} is no Ed25519 verifier key (C2SP signed-note)"
            form.faults.add("bad-approver", value.line, what, f"{name.text}: NAME+HASH+KEY, as printed when the key was made")
        else:
            approvers[name.text] = key
    return approvers


def is_verifier_key(text: str) -> bool:
    """Plain Ed25519: a cosigner's or a P-256 key signs no plan."""
    try:
        return parse_key(text).algorithm is Algorithm.ED25519
    except EvidenceInvalid:
        return False
