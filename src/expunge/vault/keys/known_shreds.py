"""The register of key deaths, with its head known elsewhere: a register that was put back from an older copy is noticed when it is opened.

The register is written first. So it may be ahead of what is known, where a process died in between, and is never behind.
"""

from __future__ import annotations

from collections.abc import Iterator

from expunge.errors import StateRolledBack
from expunge.ports.vault.shred_register import Entry, Head, KnownHeads, ShredRegister

_HELP = (
    "put its newest copy back (shreds.jsonl of the state), and with it the newest key table; where there is none, "
    "`expunge vault accept-older --by NAME --reason TEXT`, then `expunge sweep`: keys that died since this copy live again until then"
)


class KnownShreds:
    """Implements :class:`expunge.ports.vault.shred_register.ShredRegister` over another one."""

    def __init__(self, register: ShredRegister, heads: KnownHeads) -> None:
        """Compare the register with its known head.

        Raises:
            StateRolledBack: it is older, or another.
            StateUnavailable, StateCorrupt: as the register.
        """
        self._register = register
        self._heads = heads
        # What is known is read first: another process may append meanwhile.
        known = heads.known()
        head = register.head()
        if head.number < known.number:
            message = f"the register of key deaths is an older copy: it has {head.number} entries, the journal knows of {known.number}"
            raise StateRolledBack(message, help=_HELP)
        if register.digest(known.number) != known.digest:
            raise StateRolledBack("the register of key deaths is not the one that the journal knows", help=_HELP)
        if head.number > known.number:
            heads.enter(head)

    def head(self) -> Head:
        """Return the head."""
        return self._register.head()

    def digest(self, number: int) -> bytes:
        """Return the digest up to an entry. Raises LookupError beyond the head."""
        return self._register.digest(number)

    def after(self, number: int) -> Iterator[tuple[Head, Entry]]:
        """Yield the entries after an entry."""
        return self._register.after(number)

    def append(self, entry: Entry) -> Head:
        """Append, then have the new head entered where it is known."""
        head = self._register.append(entry)
        # crash here: the register is ahead, and the next opening enters its head.
        self._heads.enter(head)
        return head
