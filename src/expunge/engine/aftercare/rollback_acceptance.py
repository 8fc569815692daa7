"""The decision of a person to go on with a journal that was put back from an older copy."""

from __future__ import annotations

from expunge.core.datamap.datamap import DataMap
from expunge.core.gate.gate_entry import gate_entry
from expunge.core.journal.events import RollbackAccepted
from expunge.core.models.model_outcomes import ModelsBlocked
from expunge.core.values.ids import MODEL
from expunge.engine.aftercare.journal_rollback import StateRollback
from expunge.engine.gate import fencing
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import MODELS, ROLLBACKS, register
from expunge.errors import UsageError


def accept(context: Context, found: StateRollback, *, by: str, reason: str) -> RollbackAccepted:
    """Record a person's decision to go on with an older journal. Everyone whom the gate's snapshot refuses stays refused.

    Raises UsageError without a name or a reason, StateRolledBack where only a restore helps.
    """
    if not by.strip() or not reason.strip():
        message = "who decides, and why, has to be said"
        raise UsageError(message, help="expunge doctor --accept-rollback NAME --reason TEXT")
    if not found.acceptable:
        raise found.error()
    models = _models(context.data_map, context.keys.gate_key())
    for dataset, entry in models.items():
        if entry in found.gate_entries:
            # Why by name: a retraining lifts it again, as it lifts every other block.
            register(context.journal, MODELS, ModelsBlocked(context.clock.now(), dataset, ()))
    entries = tuple(sorted(entry.hex() for entry in found.gate_entries.difference(models.values())))
    accepted = RollbackAccepted(context.clock.now(), by, reason, tuple(found.orders), entries, found.log_size)
    register(context.journal, ROLLBACKS, accepted)
    fencing.publish(context)
    return accepted


def _models(data_map: DataMap, gate_key: bytes) -> dict[str, bytes]:
    return {name: gate_entry(gate_key, MODEL, name) for name in data_map.datasets}
