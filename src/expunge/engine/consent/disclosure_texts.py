"""Disclosure texts: read from their files, fixed by hash at the first consent, and kept as they were shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from expunge.core.consent.consent import Consents
from expunge.core.consent.consent_events import ConsentTextFixed
from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.purposes import TextVersion
from expunge.core.values.copy import Finding, FindingKind
from expunge.core.values.ids import OrderId
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import CONSENTS, read_register
from expunge.errors import Misconfigured, UsageError
from expunge.ports.journal import Journal

SHELF = OrderId("consent-texts")
TEXTS = "texts"
"""Stands in findings where a store's name would."""
MOST_BYTES = 1 << 18


class TextState(StrEnum):
    """The state of a text's file, compared with the text that people agreed to."""

    NEW = "nobody has agreed to it yet"
    AS_SHOWN = "as it was shown"
    ALTERED = "altered after people agreed to it"
    MISSING = "its file cannot be read"

    @property
    def broken(self) -> bool:
        """True when the file has to be put back: no person can agree to the text as it is there."""
        return self in (TextState.ALTERED, TextState.MISSING)


@dataclass(frozen=True)
class DisclosureText:
    """One version of a text."""

    name: str
    version: TextVersion
    state: TextState
    sha256: str
    """What was fixed; before that, of the file; empty where neither can be had."""


def texts(context: Context, consents: Consents) -> tuple[DisclosureText, ...]:
    """Return every version of every text of the map."""
    return _look_at_all(context.data_map, consents.fixed)


def findings(data_map: DataMap, journal: Journal) -> Iterator[Finding]:
    """Return the texts of a map whose files differ from the text that people agreed to, or are missing. Needs no key."""
    events = read_register(journal, CONSENTS) if data_map.texts else ()
    fixed = {(event.text, event.version): event.sha256 for event in events if isinstance(event, ConsentTextFixed)}
    for each in _look_at_all(data_map, fixed):
        where, named = each.version.file, f"version {each.version.version} of the text {each.name}"
        if each.state is TextState.ALTERED:
            mend = f"put back what `expunge consent text {each.name} --version {each.version.version}` prints, and add a new version"
            yield Finding(FindingKind.MISSING, TEXTS, where, f"{named} was altered after people had agreed to it", mend)
        elif each.state is TextState.MISSING:
            yield Finding(FindingKind.MISSING, TEXTS, where, f"{named} cannot be read: nobody can agree to it", "put the file there")


def _look_at_all(data_map: DataMap, fixed: Mapping[tuple[str, str], str]) -> tuple[DisclosureText, ...]:
    return tuple(
        _look(fixed.get((name, version.version), ""), name, version) for name, versions in data_map.texts.items() for version in versions
    )


def _look(fixed: str, name: str, version: TextVersion) -> DisclosureText:
    try:
        found = sha256(_read(version)).hexdigest()
    except Misconfigured:
        return DisclosureText(name, version, TextState.MISSING, fixed)
    state = TextState.NEW if not fixed else TextState.AS_SHOWN if found == fixed else TextState.ALTERED
    return DisclosureText(name, version, state, fixed or found)


def to_show(context: Context, consents: Consents, name: str) -> tuple[TextVersion, bytes]:
    """Return the newest version of a text, to be shown now.

    Raises Misconfigured when its file cannot be read, or is not what earlier people agreed to under the same version.
    """
    versions = context.data_map.texts.get(name, ())
    if not versions:
        message = f"the map has no text {name!r}"
        raise UsageError(message, help=f"it has {', '.join(sorted(context.data_map.texts)) or 'none'}")
    newest = versions[-1]
    data = _read(newest)
    fixed = consents.fixed.get((name, newest.version))
    if fixed is not None and sha256(data).hexdigest() != fixed:
        message = (
            f"{newest.file} was altered after people had agreed to it: version {newest.version} of the text {name} "
            f"is {fixed[:16]}..., the file is {sha256(data).hexdigest()[:16]}..."
        )
        mend = (
            f"`expunge consent text {name} --version {newest.version}` prints what was shown: put it back, and add a new version to the map"
        )
        raise Misconfigured(message, help=mend)
    return newest, data


def keep(context: Context, data: bytes) -> None:
    """Keep a text as it is shown, before the first consent to it is journalled."""
    context.shelf.put(SHELF, name_of(sha256(data).hexdigest()), data)


def as_shown(context: Context, consents: Consents, name: str, version: str) -> bytes:
    """Return a version of a text as people agreed to it, even when its file changed; before the first consent, the file."""
    fixed = consents.fixed.get((name, version))
    if fixed is None:
        known = next((each for each in context.data_map.texts.get(name, ()) if each.version == version), None)
        if known is None:
            message = f"there is no version {version!r} of a text {name!r}"
            raise UsageError(message, help="`expunge consent texts` lists them")
        return _read(known)
    kept = context.shelf.get(SHELF, name_of(fixed))
    if kept is None or sha256(kept).hexdigest() != fixed:
        message = f"what was shown as version {version} of {name} is missing from the state, or was changed there"
        raise Misconfigured(message, help=f"look for a file whose SHA-256 is {fixed}")
    return kept


def name_of(digest: str) -> str:
    """Return the place of a text on the shelf, by the hex SHA-256 of its bytes."""
    return f"text-{digest[:40]}"


def _read(version: TextVersion) -> bytes:
    try:
        with Path(version.file).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        message = f"the text {version.file} cannot be read: {error.strerror}"
        raise Misconfigured(message, help="put the file there, or name another under texts: of the map") from error
    try:
        usable = bool(data.decode("utf-8").strip()) and len(data) <= MOST_BYTES
    except UnicodeDecodeError:
        usable = False
    if not usable:
        message = f"the text {version.file} is empty, longer than {MOST_BYTES >> 10} KiB or not UTF-8"
        raise Misconfigured(message, help="a text that people can read before they agree")
    return data
