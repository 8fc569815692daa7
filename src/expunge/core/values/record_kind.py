"""Kinds of records about orders: what each holds of the work that was done, and how long it is kept."""

from __future__ import annotations

from enum import StrEnum

from expunge.core.values.periods import Period


class RecordKind(StrEnum):
    """One kind of record. None of them holds content, an identifier or a pseudonym of a person."""

    REQUESTS = "requests"
    """Each order that was received: when, of which kind, why, for how many people."""
    ANSWERS = "answers"
    """What came of each: receipts, ends, cancellations, extensions that people were told of."""
    REFUSALS = "refusals"
    """Each end that was not a full one, with its reasons."""
    ACTIONS = "actions"
    """Each step that was taken, with counts."""
    DEADLINES = "deadlines"
    """Each deadline of an order: kept, missed or running."""
    CONSENTS = "consents"
    """Consents and withdrawals."""
    HOLDS = "holds"
    RECIPIENTS = "recipients"
    """Who was told, and who confirmed."""
    DESTRUCTION = "destruction"
    """Orders of destruction, and what was decided under them."""
    LEDGER = "ledger"
    """Training, hand-over, acknowledgements, assurances."""
    VIEWS = "views"
    """Requests of staff to see recordings, leases, views and refusals."""
    OPENINGS = "openings"
    """Recordings that programs and families were let read, and refusals of these."""
    INCIDENTS = "incidents"
    """Incidents: what became known when, and how many accounts they are about."""


KEPT = Period(months=60)
"""How long a record is kept where the map says nothing: five years (AMZ XI.C, RNG XIV)."""
