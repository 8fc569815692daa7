"""The notice about one profile that nobody uses, for pages that are asked for often."""

from __future__ import annotations

from threading import Lock
from weakref import WeakKeyDictionary

from expunge.core.retention.inactivity import InactiveProfile
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import IDLE
from expunge.engine.retention import inactive_profiles
from expunge.ports.journal import Journal

_FOLDED: WeakKeyDictionary[Journal, tuple[int, dict[Pseudonym, InactiveProfile]]] = WeakKeyDictionary()
_LOCK = Lock()


def notice(context: Context, subject: Pseudonym) -> InactiveProfile | None:
    """Return the state of a profile; None where it was never found unused. The register is folded anew when it has grown."""
    with _LOCK:
        # The length first: what is appended while it is read is read again the next time.
        length = context.journal.length(IDLE)
        known = _FOLDED.get(context.journal)
        if known is None or known[0] != length:
            known = _FOLDED[context.journal] = length, inactive_profiles.states(context)
        return known[1].get(subject)
