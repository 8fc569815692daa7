"""The sections of a map that name places and people: state, stores, identities, retention, approvers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from expunge.core.approver_keys import parse_approver_key
from expunge.core.datamap.datamap import IdentitySpec, Retention, StoreSpec, WitnessSpec
from expunge.core.datamap.grounding import ScanDepth
from expunge.core.note import Algorithm, parse_key
from expunge.core.values.ids import MODEL
from expunge.core.values.periods import Period, parse_period, parse_span
from expunge.errors import EvidenceInvalid, Misconfigured
from expunge.maps.document import words
from expunge.maps.document.faults import did_you_mean
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import ListNode, ScalarNode, TableNode, Value
from expunge.maps.sections.idle import read_last_used
from expunge.maps.sections.spellings import read_compare
from expunge.ports.store_kind import SQLITE, AttachedOption, Option, OptionValue, StoreKind, absolute, located

POSTGRES = ("postgresql://", "postgres://")
Options = dict[str, OptionValue]
_LONGEST_WITNESS_WAIT = timedelta(hours=20)

_WINDOW = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]")
_FOREVER = re.compile(r"(?i)forever|unlimited|indefinite(ly)?|infinite|never|none|-1|0( .*)?|permanent(ly)?|as long as .*|until .*")


def read_state(form: Form, root: TableNode, folder: Path) -> tuple[str, str]:
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


def read_witnesses(form: Form, root: TableNode, folder: Path) -> WitnessSpec | None:
    """The section ``witnesses``: whom the log asks for cosignatures."""
    value = root.get("witnesses")
    table = form.table(value, "witnesses", words.WITNESSES, ("policy",)) if value is not None else None
    if table is None:
        return None
    policy = form.text(table.get("policy"), "witnesses.policy") or ""
    wait = form.parsed(table.get("wait"), "witnesses.wait", "bad-span", _witness_wait)
    spec = WitnessSpec(absolute(folder, policy))
    return spec if wait is None else replace(spec, longest=wait)


def _witness_wait(text: str) -> timedelta:
    wait = parse_span(text)
    if wait > _LONGEST_WITNESS_WAIT:
        message = "a receipt that waits for about a day looks as if it were dated back"
        raise ValueError(message)
    return wait


def read_stores(form: Form, root: TableNode, folder: Path, kinds: Mapping[str, StoreKind]) -> dict[str, tuple[StoreSpec, StoreKind]]:
    """The section ``stores``: each as written, with the declaration of its kind."""
    stores = {}
    for name, value in form.named(root, "stores"):
        what = f"stores.{name.text}"
        table = form.table(value, what, required=("kind", "url"))
        if table is None:
            continue
        word = form.text(table.get("kind"), f"{what}.kind") or ""
        kind = _kind(form, table, what, word, kinds)
        spec = StoreSpec(
            name=name.text,
            kind=word,
            url=_url(form, table, what, word, kind, folder),
            options=_options(form, table, what, kind, folder),
            window=form.parsed(table.get("window"), f"{what}.window", "bad-window", _window) or "",
            outside=form.texts(table.get("outside"), f"{what}.outside", one_is_enough=True),
            scan=form.parsed(table.get("scan"), f"{what}.scan", "bad-scan", _scan) or ScanDepth.ALL,
            line=name.line,
        )
        stores[name.text] = (spec, kind)
    return stores


def _kind(form: Form, table: TableNode, what: str, word: str, kinds: Mapping[str, StoreKind]) -> StoreKind:
    """The declaration of a kind; one that takes anything where a noted fault leaves the kind unknown."""
    if word in kinds:
        try:
            return kinds[word]
        except Misconfigured as error:
            form.faults.add("unknown-kind", table.line_of("kind"), f"{what}: {error.message}", error.help)
    elif word:
        text = f"{what}: kind {word!r} is not supported"
        form.faults.add("unknown-kind", table.line_of("kind"), text, did_you_mean(word, kinds))
    return StoreKind()


def _url(form: Form, table: TableNode, what: str, word: str, kind: StoreKind, folder: Path) -> str:
    text = form.filled(table.get("url"), f"{what}.url")
    if text is None:
        return ""
    if kind.url is None:
        return located(folder, text)
    url = kind.url.read(folder, text)
    if not url:
        text = f"{what}: the url of a {word} store names {kind.url.names}"
        form.faults.add("bad-url", table.line_of("url"), text, f"url: {kind.url.example}")
    return url


def _options(form: Form, table: TableNode, what: str, kind: StoreKind, folder: Path) -> Options:
    """The options of a store that its kind has, each with a value that makes sense there."""
    options: Options = {}
    if kind.options is not None:
        form.table(table, what, (*words.STORE, *kind.options))
    for name, value in table.entries:
        if name.text in words.STORE or kind.unknown({name.text: ""}):
            continue
        option = kind.options[name.text] if kind.options is not None else None
        if (read := _option(form, value, f"{what}.{name.text}", option, folder)) is not None:
            options[name.text] = read
    stated = {name.text: value for name, value in table.entries}
    for missing, write in kind.missing(stated):
        form.faults.add("missing-key", table.line, f"{what} lacks {missing!r}", write)
    for key, text, write in kind.senseless(options):
        form.faults.add("bad-option", table.line_of(key), f"{what}.{key} {text}", write)
    return options


def _option(form: Form, value: Value, what: str, option: Option | None, folder: Path) -> OptionValue | None:
    if isinstance(option, AttachedOption) and isinstance(value, TableNode):
        return _attached(form, value, what, option, folder)
    if isinstance(value, TableNode):
        pairs = ((key.text, form.filled(inner, f"{what}.{key.text}")) for key, inner in value.entries)
        return {key: located(folder, text) for key, text in pairs if text is not None}
    if isinstance(value, ListNode) and option is not None:
        form.faults.add("wrong-type", value.line, f"{what} is a list", option.write)
        return None
    if isinstance(value, ScalarNode) and value.read_as in {"bool", "int"}:
        return _plain(form, value, what)
    text = form.filled(value, what)
    return None if text is None else located(folder, text)


def _plain(form: Form, value: ScalarNode, what: str) -> int | bool | None:
    """Only the spellings that every reader takes alike: true, false, and decimal numbers."""
    if value.text in {"true", "false"}:
        return value.text == "true"
    if re.fullmatch(r"0|-?[1-9][0-9]{0,17}", value.text):
        return int(value.text)
    key = what.rsplit(".", 1)[-1]
    form.faults.add(
        "coerced-value", value.line, f"{what}: {value.text} means different things to different readers", f'{key}: true, 12 or "text"'
    )
    return None


def _attached(form: Form, table: TableNode, what: str, option: AttachedOption, folder: Path) -> dict[str, str]:
    attached = {}
    for alias, value in table.entries:
        path = form.filled(value, f"{what}.{alias.text}")
        if alias.read_as or not option.is_alias(alias.text):
            form.faults.add(
                "bad-attach", alias.line, f"{what}: {alias.text!r} cannot name an attached database", "attach: {archive: ./archive.db}"
            )
        elif path is not None:
            attached[alias.text] = absolute(folder, path.removeprefix(SQLITE))
    return attached


def _scan(text: str) -> ScanDepth:
    if text not in words.SCANS:
        message = f"scan: {', '.join(words.SCANS)}"
        raise ValueError(message)
    return ScanDepth(text)


def _window(text: str) -> str:
    first, _, last = text.partition("-")
    if not _WINDOW.fullmatch(text) or first == last:
        message = 'window: "02:00-05:00", hours and minutes of UTC'
        raise ValueError(message)
    return text


def read_identities(form: Form, root: TableNode) -> dict[str, IdentitySpec]:
    """The section ``identities``."""
    identities = {}
    for name, value in form.named(root, "identities"):
        what = f"identities.{name.text}"
        if name.text == MODEL:
            form.faults.add("bad-name", name.line, f"{what}: the gate knows models by this word", "another name for the people")
        table = form.table(value, what, words.IDENTITY, ("dataset", "key"))
        if table is not None:
            key = form.text(table.get("key"), f"{what}.key") or ""
            also = form.texts(table.get("also"), f"{what}.also", one_is_enough=True)
            identities[name.text] = IdentitySpec(
                kind=name.text,
                dataset=form.text(table.get("dataset"), f"{what}.dataset") or "",
                key=key,
                also=also,
                compare=read_compare(form, table, what, name.text, key, also),
                member_of=form.text(table.get("member_of"), f"{what}.member_of"),
                label=form.text(table.get("label"), f"{what}.label") or "",
                last_used=read_last_used(form, table.get("last_used"), what),
                inactive_after=_period_of(form, table, f"{what}.inactive_after"),
                line=name.line,
            )
    return identities


def read_retention(form: Form, root: TableNode) -> dict[str, Retention]:
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


def _period_of(form: Form, table: TableNode, what: str) -> Period | None:
    """A period that need not be there."""
    value = table.get(what.rsplit(".", 1)[-1])
    return _period(form, value, what) if value is not None else None


def _period(form: Form, value: Value | None, what: str) -> Period | None:
    if isinstance(value, ScalarNode) and _FOREVER.fullmatch(value.text):
        form.faults.add("forever", value.line, f"{what}: {value.text!r} is no finite period", f"{what.rsplit('.', 1)[-1]}: 90 days")
        return None
    return form.parsed(value, what, "bad-period", parse_period)


def read_approvers(form: Form, root: TableNode) -> dict[str, tuple[str, ...]]:
    """The section ``approvers``: name -> the keys of one person."""
    approvers: dict[str, tuple[str, ...]] = {}
    for name, value in form.named(root, "approvers"):
        what = f"approvers.{name.text}"
        keys: list[str] = []
        for each in value.items if isinstance(value, ListNode) else (value,):
            key = form.filled(each, what)
            if key is None:
                continue
            if not is_approver_key(key):
                bad = f"{what} is neither an Ed25519 verifier key (C2SP signed-note) nor a passkey"
                mend = f"{name.text}: NAME+HASH+KEY, as printed when the key was made, or what `expunge approvers` prints for a passkey"
                form.faults.add("bad-approver", each.line, bad, mend)
            elif key in keys:
                form.faults.add("bad-approver", each.line, f"{what} has a key twice", "take one of the two out")
            else:
                keys.append(key)
        if keys:
            approvers[name.text] = tuple(keys)
    return approvers


def is_verifier_key(text: str) -> bool:
    """Plain Ed25519: a cosigner's or a P-256 key signs no plan."""
    try:
        return parse_key(text).algorithm is Algorithm.ED25519
    except EvidenceInvalid:
        return False


def is_approver_key(text: str) -> bool:
    """Return whether a text is a key that approvals are signed with: a cosigner's key or a bare P-256 key is none."""
    try:
        parse_approver_key(text)
    except EvidenceInvalid:
        return False
    return True
