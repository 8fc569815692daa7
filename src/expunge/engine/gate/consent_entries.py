"""The consents of this moment as the gate snapshot states them: entries alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from expunge.core.consent.consent import consented
from expunge.core.datamap.purposes import Ground
from expunge.engine.gate import consent_register
from expunge.engine.kernel.context import Context


@dataclass(frozen=True)
class ConsentEntries:
    """Entries of all subjects in the register of consents."""

    given: dict[str, frozenset[bytes]] = field(default_factory=dict)
    """Purpose -> whoever's consent holds."""
    withdrawn: dict[str, frozenset[bytes]] = field(default_factory=dict)
    """Purpose -> whoever's last word was no."""
    frozen: frozenset[bytes] = frozenset()
    """Children whose guardians are in dispute."""


def of_everybody(context: Context) -> ConsentEntries:
    """Fold the register and ask for all subjects; nothing where the map names no purpose that rests on consent and none is in dispute."""
    asked = [name for name, each in context.data_map.purposes.items() if each.needs is Ground.CONSENT]
    consents = consent_register.load(context)
    # Why the disputes too: guardians who came by the company's word can begin one under any map.
    if not asked and not context.data_map.guardians and not consents.frozen:
        return ConsentEntries()
    now = context.clock.now()
    entries = {subject: frozenset(map(bytes.fromhex, theirs)) for subject, theirs in list(consents.entries.items())}
    given: dict[str, set[bytes]] = {name: set() for name in asked}
    withdrawn: dict[str, set[bytes]] = {name: set() for name in asked}
    for subject, said in list(consents.said.items()):
        for name in asked:
            word = said.get(name)
            if word is not None and word.withdrawn is not None:
                withdrawn[name] |= entries.get(subject, frozenset())
            elif word is not None and consented(consents, subject, name, now).holds:
                given[name] |= entries.get(subject, frozenset())
    return ConsentEntries(
        {name: frozenset(each) for name, each in given.items()},
        {name: frozenset(each) for name, each in withdrawn.items()},
        frozenset(
            entry for subject, each in consents.frozen.items() for entry in (*entries.get(subject, ()), *map(bytes.fromhex, each.names))
        ),
    )
