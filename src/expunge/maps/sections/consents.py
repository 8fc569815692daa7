"""The sections of a map about consent: uses of data, texts for people, and the age until which a guardian decides for a child."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from expunge.core.datamap.purposes import OUTWARD, AskingSpec, Ground, Purpose, TextVersion, Use
from expunge.core.values.periods import Period, parse_period, parse_span
from expunge.maps.document import words
from expunge.maps.document.draft import MapDraft
from expunge.maps.document.faults import did_you_mean
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import ListNode, TableNode, Value

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_REASON = re.compile(r"(?s).*\w+\W+\w+\W+\w+.*")
_FIRST = "[{version: 1, file: consent/training-1.md}]"
Word = TypeVar("Word", bound=StrEnum)


def read_purposes(form: Form, root: TableNode) -> dict[str, Purpose]:
    """The section ``purposes``."""
    purposes = {}
    for name, value in form.named(root, "purposes"):
        what = f"purposes.{name.text}"
        table = form.table(value, what, words.PURPOSE, ("description", "needs", "use", "datasets"))
        if table is None:
            continue
        purposes[name.text] = Purpose(
            name=name.text,
            description=form.text(table.get("description"), f"{what}.description") or "",
            needs=_word(form, table, "needs", what, "bad-ground", Ground) or Ground.CONSENT,
            use=_word(form, table, "use", what, "bad-use", Use) or Use.COLLECTION,
            datasets=form.texts(table.get("datasets"), f"{what}.datasets", one_is_enough=True),
            recipients=form.texts(table.get("recipients"), f"{what}.recipients", one_is_enough=True),
            text=form.text(table.get("text"), f"{what}.text") or "",
            because=_because(form, table, what),
            readers=form.texts(table.get("readers"), f"{what}.readers", one_is_enough=True),
            line=name.line,
        )
    return purposes


def _because(form: Form, table: TableNode, what: str) -> dict[str, str]:
    """Read why each dataset cannot be done without; it is a sentence."""
    value = table.get("because")
    inner = form.table(value, f"{what}.because") if value is not None else None
    found = {}
    for name, entry in inner.entries if inner else ():
        text = form.text(entry, f"{what}.because.{name.text}")
        if text is not None and not _REASON.fullmatch(text):
            said = f"{what}.because.{name.text}: {text!r} is no reason"
            form.faults.add("bad-text", name.line, said, f"{name.text}: why it cannot be done without, in a sentence")
        found[name.text] = text or ""
    return found


def _word(form: Form, table: TableNode, key: str, what: str, rule: str, kind: type[Word]) -> Word | None:
    text = form.text(table.get(key), f"{what}.{key}")
    known = [str(each) for each in kind]
    if text is None or text in known:
        return None if text is None else kind(text)
    form.faults.add(rule, table.line_of(key), f"{what}.{key}: {text!r} is not known", did_you_mean(text, known))
    return None


def read_texts(form: Form, root: TableNode, folder: Path) -> dict[str, tuple[TextVersion, ...]]:
    """The section ``texts``: each with its versions, the newest last."""
    texts = {}
    for name, value in form.named(root, "texts"):
        what = f"texts.{name.text}"
        if not isinstance(value, ListNode) or not value.items:
            form.faults.add("bad-text", value.line, f"{what} is no list of versions, the newest last", f"{name.text}: {_FIRST}")
            continue
        versions: list[TextVersion] = []
        for item in value.items:
            one = _version(form, item, what, folder, first=not versions)
            if one is not None and any(one.version == version.version for version in versions):
                form.faults.add(
                    "duplicate-item", item.line, f"{what} has version {one.version!r} twice", "each version once, with a file of its own"
                )
            elif one is not None:
                versions.append(one)
        texts[name.text] = tuple(versions)
    return texts


def _version(form: Form, value: Value, what: str, folder: Path, *, first: bool) -> TextVersion | None:
    table = form.table(value, what, words.TEXT, ("version", "file"))
    if table is None:
        return None
    version = form.parsed(table.get("version"), f"{what}.version", "bad-text", _version_name)
    file = form.text(table.get("file"), f"{what}.file")
    change = form.text(table.get("change"), f"{what}.change") or "material"
    reason = form.text(table.get("reason"), f"{what}.reason") or ""
    line = table.line_of("change")
    if change not in words.CHANGES:
        form.faults.add("bad-text", line, f"{what}.change: {change!r} is not known", did_you_mean(change, words.CHANGES))
    elif change == "wording" and first:
        form.faults.add("bad-text", line, f"{what}: the first version changes nothing", "the version without change")
    elif change == "wording" and not reason:
        text = f"{what}: nothing says why version {version!r} asks nobody again"
        form.faults.add("bad-text", line, text, "reason: why the change is not material; or leave change out")
    if version is None or file is None:
        return None
    path = os.path.normpath(folder / file)
    return TextVersion(version, path, material=change != "wording", reason=reason, line=table.line)


def _version_name(text: str) -> str:
    if not _VERSION.fullmatch(text):
        raise ValueError("letters, digits, '_', '-' and '.', at most 32: version: 2026-11")
    return text


def read_guardians(form: Form, root: TableNode) -> dict[str, Period]:
    """The section ``guardians``: identity kind -> the age from which such a person decides alone."""
    ages = {}
    for name, value in form.named(root, "guardians"):
        age = form.parsed(value, f"guardians.{name.text}", "bad-period", parse_period)
        if age is not None:
            ages[name.text] = age
    return ages


def read_asking(form: Form, root: TableNode) -> AskingSpec:
    """The section ``asking``."""
    value = root.get("asking")
    table = form.table(value, "asking", words.ASKING, ("answer", "revoke")) if value is not None else None
    if table is None:
        return AskingSpec()
    texts = {key: form.filled(table.get(key), f"asking.{key}") or "" for key in words.ASKING if key != "delay"}
    for key, shape, instead in _SHAPES:
        if texts[key] and not shape.fullmatch(texts[key]):
            form.faults.add("bad-asking", table.line_of(key), f"asking.{key} is not of the form that is needed", instead)
    for key, needs in (("mail", "sender"), ("text_gateway", "text_key")):
        if table.get(key) is not None and table.get(needs) is None:
            form.faults.add("bad-asking", table.line_of(key), f"asking.{key} goes with {needs}", f"{needs}: ...")
    delay = form.parsed(table.get("delay"), "asking.delay", "bad-span", parse_span)
    spec = AskingSpec(texts["mail"], texts["sender"], texts["text_gateway"], texts["text_key"], texts["answer"], texts["revoke"])
    return spec if delay is None else replace(spec, delay=delay)


_HERE = r"(127\.0\.0\.1|localhost)"
_SHAPES = (
    (
        "mail",
        re.compile(r"smtp://([^\s@/]+(:[^\s@/]*)?@)?[A-Za-z0-9.-]+:[0-9]{1,5}"),
        "mail: ${SMTP}, filled with smtp://USER:PASSWORD@HOST:587",
    ),
    ("sender", re.compile(r"[^\r\n]*[^\s@<>]+@[A-Za-z0-9.-]+>?"), "sender: Owl <consent@example.org>"),
    ("text_gateway", re.compile(rf"https://\S+|http://{_HERE}(:[0-9]+)?(/\S*)?"), "text_gateway: https://gateway.example/messages"),
    ("answer", re.compile(rf"(https://\S+|http://{_HERE}\S*)\{{token\}}\S*"), "answer: https://example.org/consent/{request}/{token}"),
)


def check_consents(
    draft: MapDraft, purposes: Mapping[str, Purpose], texts: Mapping[str, tuple[TextVersion, ...]], guardians: Mapping[str, Period]
) -> None:
    """Purposes name datasets, texts and recipients that go together; each text belongs to one purpose."""
    used: dict[str, str] = {}
    for name, purpose in purposes.items():
        what = f"purposes.{name}"
        for dataset in purpose.datasets:
            draft.known("unknown-dataset", dataset, draft.datasets, draft.line("purposes", name, "datasets"), what)
        for dataset in purpose.because:
            draft.known(
                "unknown-dataset", dataset, dict.fromkeys(purpose.datasets), draft.line("purposes", name, "because"), f"{what}.because"
            )
        _check_outward(draft, purpose, what)
        if purpose.text:
            line = draft.line("purposes", name, "text")
            draft.known("unknown-text", purpose.text, texts, line, what)
            if purpose.text in used:
                text = f"{what}: the text {purpose.text!r} is that of {used[purpose.text]!r}: one act would agree to both"
                draft.faults.add("text-shared", line, text, "a text of its own for each purpose")
            used.setdefault(purpose.text, name)
        elif purpose.needs is Ground.CONSENT:
            text = f"{what} needs consent, and nothing says what people are told before they agree"
            draft.faults.add("purpose-without-text", draft.line("purposes", name, "needs"), text, "text: a name under texts:")
    for kind in guardians:
        draft.known("unknown-identity", kind, draft.identities, draft.line("guardians", kind), "guardians")


def _check_outward(draft: MapDraft, purpose: Purpose, what: str) -> None:
    line = draft.line("purposes", purpose.name, "use")
    if purpose.use in OUTWARD and not purpose.recipients:
        text = f"{what} hands data to third parties, and nothing says to whom"
        draft.faults.add("no-recipients", line, text, "recipients: [name or kind of each third party]")
    if purpose.use is Use.TRAINING_BY_OTHERS and purpose.needs is not Ground.CONSENT:
        text = f"{what}: training by third parties is never part of a service, so it needs a consent of its own"
        draft.faults.add("bad-ground", line, text, "needs: consent")
