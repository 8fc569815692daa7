"""The name under which the gate knows a person."""

from __future__ import annotations

from expunge.core.gate.gate_snapshot import gate_entry
from expunge.core.values.ids import pseudonym
from expunge.engine.kernel.context import Context
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import UsageError


def entry_of(context: Context, person: ResolvedName) -> str:
    """Return the person's entry in the gate snapshot, in hex. Raises UsageError for a name that belongs to no person."""
    key = context.keys.pseudonym_key()
    values = person.person.ids.get(person.kind, frozenset()) if person.known else frozenset()
    own = next((value for value in values if pseudonym(key, person.kind, value) == person.person.subject), None)
    if own is None:
        message = "nobody of that name is known, so nobody can agree or be spoken for under it"
        raise UsageError(message, help="`expunge locate NAME` shows who is known by which name")
    return gate_entry(context.keys.gate_key(), person.kind, own).hex()
