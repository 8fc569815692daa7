"""The head of the register of key deaths, in the journal: by it an older copy of the register is known."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from expunge.core.journal import events as ev
from expunge.core.journal.epoch_events import ShredsAccepted, ShredsEntered
from expunge.core.values.cause import check_words
from expunge.engine.kernel.journal_streams import SHREDS, register, register_while
from expunge.errors import Busy, StateCorrupt, StateUnavailable, UsageError
from expunge.ports.journal import Journal
from expunge.ports.vault.shred_register import START, Head


@dataclass(frozen=True)
class ShredHeads:
    """Implements :class:`expunge.ports.vault.shred_register.KnownHeads`."""

    journal: Journal
    now: Callable[[], datetime]

    def known(self) -> Head:
        """Return the head by the last event. Raises StateUnavailable, StateCorrupt."""
        return self._known(self.journal.length(SHREDS))

    def _known(self, length: int) -> Head:
        last = [ev.decode(data) for data in self.journal.read(SHREDS, length - 1)] if length else []
        heads = [Head(each.number, bytes.fromhex(each.digest)) for each in last if isinstance(each, ShredsEntered | ShredsAccepted)]
        return heads[-1] if heads else START

    def enter(self, head: Head) -> None:
        """Enter a head, unless a later one is known. Where the journal takes nothing now, the next opening of the vault enters it."""
        event = ShredsEntered(self.now(), head.number, head.digest.hex())
        with suppress(Busy, StateUnavailable, StateCorrupt, OSError):
            # Why asked at the same length: the process that entered the next head may have been quicker, and an older head, known last,
            # would let an older register pass.
            register_while(self.journal, SHREDS, event, lambda length: self._known(length).number < head.number)

    def accept(self, head: Head, by: str, reason: str) -> ShredsAccepted:
        """Enter that a person goes on with an older register, which ends at ``head``. Raises UsageError without a name or a reason."""
        if not by.strip() or not reason.strip():
            raise UsageError("who decides, and why, has to be said", help="expunge vault accept-older --by NAME --reason TEXT")
        check_words(by)
        check_words(reason)
        event = ShredsAccepted(self.now(), head.number, head.digest.hex(), by, reason)
        register(self.journal, SHREDS, event)
        return event
