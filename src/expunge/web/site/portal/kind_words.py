"""Kinds of data, reasons and periods in the words of the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from expunge.core.datamap.artefact import DataKind
from expunge.core.values.outcome import Reason
from expunge.core.values.periods import Period

_COUNTED: Mapping[DataKind, Promise] = {
    DataKind.VOICE: ngettext_lazy("%(number)s voice recording", "%(number)s voice recordings", "number"),
    DataKind.VIDEO: ngettext_lazy("%(number)s video", "%(number)s videos", "number"),
    DataKind.PICTURE: ngettext_lazy("%(number)s picture", "%(number)s pictures", "number"),
    DataKind.DETAILS: ngettext_lazy("%(number)s entry about a recording", "%(number)s entries about recordings", "number"),
    DataKind.TRANSCRIPT: ngettext_lazy("%(number)s transcript", "%(number)s transcripts", "number"),
    DataKind.MESSAGE: ngettext_lazy("%(number)s message", "%(number)s messages", "number"),
    DataKind.CONVERSATION: ngettext_lazy("%(number)s conversation", "%(number)s conversations", "number"),
    DataKind.VOICEPRINT: ngettext_lazy("%(number)s voiceprint", "%(number)s voiceprints", "number"),
    DataKind.FACEPRINT: ngettext_lazy("%(number)s faceprint", "%(number)s faceprints", "number"),
    DataKind.EMBEDDING: ngettext_lazy("%(number)s set of numbers for search", "%(number)s sets of numbers for search", "number"),
    DataKind.LOCATION: ngettext_lazy("%(number)s place", "%(number)s places", "number"),
    DataKind.EVENT: ngettext_lazy("%(number)s entry about use", "%(number)s entries about use", "number"),
    DataKind.NOTE: ngettext_lazy("%(number)s note of a reviewer", "%(number)s notes of reviewers", "number"),
    DataKind.EXAMPLE: ngettext_lazy("%(number)s example for training", "%(number)s examples for training", "number"),
    DataKind.CONTENTS: ngettext_lazy("%(number)s entry for search", "%(number)s entries for search", "number"),
    DataKind.ACCOUNT: ngettext_lazy("%(number)s entry about the account", "%(number)s entries about accounts", "number"),
    DataKind.PROFILE: ngettext_lazy("%(number)s profile", "%(number)s profiles", "number"),
    DataKind.DEVICE: ngettext_lazy("%(number)s device", "%(number)s devices", "number"),
    DataKind.CONSENT: ngettext_lazy("%(number)s record of a consent", "%(number)s records of consents", "number"),
    DataKind.SEGMENT: ngettext_lazy("%(number)s entry in a group", "%(number)s entries in groups", "number"),
    DataKind.MODEL: ngettext_lazy("%(number)s model", "%(number)s models", "number"),
    DataKind.COPY: ngettext_lazy("%(number)s copy", "%(number)s copies", "number"),
    DataKind.BACKUP: ngettext_lazy("%(number)s backup", "%(number)s backups", "number"),
    DataKind.RECORD: ngettext_lazy("%(number)s record", "%(number)s records", "number"),
}
IN_TEXT: Mapping[DataKind, Promise] = {
    DataKind.VOICE: gettext_lazy("voice recordings"),
    DataKind.VIDEO: gettext_lazy("videos"),
    DataKind.PICTURE: gettext_lazy("pictures"),
    DataKind.DETAILS: gettext_lazy("details of recordings"),
    DataKind.TRANSCRIPT: gettext_lazy("transcripts"),
    DataKind.MESSAGE: gettext_lazy("messages"),
    DataKind.CONVERSATION: gettext_lazy("conversations"),
    DataKind.VOICEPRINT: gettext_lazy("voiceprints"),
    DataKind.FACEPRINT: gettext_lazy("faceprints"),
    DataKind.EMBEDDING: gettext_lazy("descriptions in numbers"),
    DataKind.LOCATION: gettext_lazy("places"),
    DataKind.EVENT: gettext_lazy("events of use"),
    DataKind.NOTE: gettext_lazy("notes of reviewers"),
    DataKind.EXAMPLE: gettext_lazy("training examples"),
    DataKind.CONTENTS: gettext_lazy("search entries"),
    DataKind.ACCOUNT: gettext_lazy("account details"),
    DataKind.PROFILE: gettext_lazy("profiles"),
    DataKind.DEVICE: gettext_lazy("devices"),
    DataKind.CONSENT: gettext_lazy("records of consent"),
    DataKind.SEGMENT: gettext_lazy("groups"),
    DataKind.MODEL: gettext_lazy("models"),
    DataKind.COPY: gettext_lazy("copies"),
    DataKind.BACKUP: gettext_lazy("backups"),
    DataKind.RECORD: gettext_lazy("further entries"),
}
"""Kind -> what it is called in a sentence, where no number is known."""
NAMED: Mapping[DataKind, str] = {kind: capfirst(cast("str", name)) for kind, name in IN_TEXT.items()}
"""Kind -> what it is called at the beginning of a line. The values are lazy: they are in the language of the page."""
ICONS: Mapping[DataKind, str] = {
    DataKind.VOICE: "voice",
    DataKind.VIDEO: "eye",
    DataKind.PICTURE: "eye",
    DataKind.TRANSCRIPT: "list",
    DataKind.VOICEPRINT: "print",
    DataKind.FACEPRINT: "print",
    DataKind.LOCATION: "pin",
    DataKind.ACCOUNT: "key",
    DataKind.PROFILE: "home",
    DataKind.DEVICE: "devices",
    DataKind.MESSAGE: "mail",
}
"""Kind -> its drawing; a list for all others."""
_AWAY = frozenset({Reason.UNREACHABLE, Reason.LOCKED, Reason.READER_OPEN, Reason.TOO_LONG})


def counted(kind: DataKind, number: int) -> str:
    """Return a number of items in words: *312 voice recordings*."""
    return str(_COUNTED[kind] % {"number": number})


def why(reason: Reason) -> str:
    """Return why something could not be looked at."""
    if reason in _AWAY:
        return _("The place that keeps it does not answer now.")
    if reason is Reason.CORRUPT:
        return _("It is damaged, and cannot be read.")
    if reason in {Reason.PERMISSION, Reason.ENCRYPTED}:
        return _("The program that counts may not read it.")
    return _("It could not be read now.")


def in_a_row(parts: Sequence[str]) -> str:
    """Return parts as one list: *a, b and c*."""
    *head, last = parts
    return _("%(list)s and %(last)s") % {"list": ", ".join(head), "last": last} if head else last


def period_words(period: Period) -> str:
    """Return a length of time: *18 months*, *1 year and 6 months*, *90 days*."""
    years, months = divmod(period.months, 12)
    parts = [ngettext("%(number)s year", "%(number)s years", years) % {"number": years}] if years else []
    if months:
        parts.append(ngettext("%(number)s month", "%(number)s months", months) % {"number": months})
    if period.days:
        parts.append(ngettext("%(number)s day", "%(number)s days", period.days) % {"number": period.days})
    return in_a_row(parts)
