"""Count the families that were to be reminded of the collection of whereabouts and were not (DSG-11); no store is asked."""

from __future__ import annotations

from datetime import datetime, timedelta

from expunge.core.consent.consent import Consents, consented
from expunge.core.datamap.protected_kinds import ProtectedKind, in_scope
from expunge.core.datamap.purposes import Ground, Use
from expunge.core.journal.reminder_events import last_reminded
from expunge.core.values.ids import Pseudonym
from expunge.engine.accounts import reminder_times
from expunge.engine.gate import consent_register
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import REMINDERS, read_register

_LATE = timedelta(days=7)


def overdue(context: Context) -> int:
    """Return how many families were to be reminded a week ago, as far as the registers say."""
    reminded = last_reminded(read_register(context.journal, REMINDERS))
    consents, now = consent_register.load(context), context.clock.now()
    late = [each for each in reminder_times.families(context) if now - _LATE > reminder_times.due_from(each, reminded.get(each.family))]
    return sum(_may_be_collected(context, consents, each.family, now) for each in late)


def _may_be_collected(context: Context, consents: Consents, family: Pseudonym, at: datetime) -> bool:
    """Whether any dataset is collected of a family: by a consent that holds, or on a ground that no register tells."""
    names = next(each.datasets for each in in_scope(context.data_map) if each.kind is ProtectedKind.LOCATION)
    for name in names:
        purposes = [each for each in context.data_map.purposes.values() if each.use is Use.COLLECTION and name in each.datasets]
        if not purposes or any(each.needs is not Ground.CONSENT or consented(consents, family, each.name, at).holds for each in purposes):
            return True
    return False
