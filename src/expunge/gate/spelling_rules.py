"""The spellings of subjects at the gate: an identifier is refused whatever way of writing it a pipeline uses."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from expunge.core.datamap.spelling import UUID_LENGTH, Spelling, SpellingType, canonical
from expunge.gate.decisions import YES, GateReason
from expunge.gate.entry_hashes import Texts
from expunge.phones import e164


def common_spelling(rule: Spelling, value: str) -> str:
    """Return the spelling that stands for an identifier and for all others of the same subject."""
    return canonical(rule, value, e164)


def joint_reason(written: GateReason, common: GateReason) -> GateReason:
    """Return the one answer for two spellings of a subject: what refuses either refuses both, what permits either permits both."""
    for reason in (written, common):
        if reason not in YES and reason is not GateReason.NO_CONSENT:
            return reason
    return next((reason for reason in (common, written) if reason in YES), common)


def respelt(texts: Texts, rule: Spelling) -> Iterator[tuple[int, str, str]]:
    """Yield (row, text, common spelling) for each identifier that is not written in its common spelling."""
    if not _suspect(texts, rule):
        return
    for row in np.flatnonzero(texts.valid & (texts.lengths > 0)).tolist():
        try:
            value = texts.value(row).decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            # Bytes that are no text have one spelling.
            continue
        common = common_spelling(rule, value)
        if common != value:
            yield row, value, common


def _suspect(texts: Texts, rule: Spelling) -> bool:
    """Whether any character needs a second look. Nearly always none does, and this is asked of a million identifiers at a time."""
    if not rule.keeps_near:
        return True
    if not len(texts):
        return False
    used = texts.data[int(texts.starts.min()) : int((texts.starts + texts.lengths).max())]
    odd = (used <= 0x20) | (used >= 0x7F)
    if rule.folds or rule.type is SpellingType.EMAIL or bool((texts.lengths == UUID_LENGTH).any()):
        odd |= (used >= 0x41) & (used <= 0x5A)
    return bool(odd.any()) or (rule.type is SpellingType.TEXT and bool(((used[:-1] == ord(".")) & (used[1:] == ord("0"))).any()))
