"""Attacks as rows: one for all tries of an attack, begun with its first, closed when it is quiet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from django.db import connection, transaction
from django.db.models import F

from expunge import clock
from expunge.core.attempts import spray
from expunge.core.attempts.spray import AttackKind, WatchedTries
from expunge.telemetry import Action, log
from expunge.web.site.defence.models import Incident, IncidentMark
from expunge.web.site.defence.names import keyed

MOST_MARKS = 500_000
"""Things that one incident counts once; beyond, its numbers are *at least*."""
_SLOT = "spray"
_MARK = (
    "INSERT INTO expunge_incident_mark (incident_id, kind, name, client) VALUES (%s, %s, %s, %s) "
    "ON CONFLICT (incident_id, kind, name) DO NOTHING"
)


_COUNT = (
    "UPDATE expunge_incident SET tries = tries + 1, refused = refused + %s, suspects = suspects + %s, accounts = accounts + %s, "
    "networks = networks + %s, seen = %s WHERE id = %s"
)
_TURN_OUT = (
    "INSERT INTO expunge_incident_mark (incident_id, kind, name, client) "
    "SELECT incident_id, %s, name, client FROM expunge_incident_mark WHERE incident_id = %s AND kind = %s AND client = %s "
    "ON CONFLICT (incident_id, kind, name) DO NOTHING"
)


@dataclass(frozen=True)
class _Watch:
    """The row of the attack on many accounts that is under way, or that may become one."""

    pk: int
    begun: datetime
    seen: datetime
    recognised: bool
    room: bool
    """Whether more things may be counted once."""


class MarkKind(StrEnum):
    """Things that are counted once."""

    ACCOUNT = "account"
    NETWORK = "network"
    CAME = "came"
    """A first factor that was right."""
    ENTERED = "entered"
    """One by a suspect."""


@dataclass(frozen=True)
class JudgedTry:
    """A try whose end is known; every name in it is keyed."""

    account: str
    client: str
    network: str
    refused: bool
    suspect: bool
    failures_this_minute: int = 0


@dataclass(frozen=True)
class AttackReport:
    """What an operator is told of an attack: numbers and times, no address."""

    number: int
    """By which its page is found; it names nothing else."""
    kind: AttackKind
    begun: datetime
    recognised: datetime
    seen: datetime
    closed: datetime | None
    tries: int
    refused: int
    accounts: int
    networks: int
    entered: int


def under_way() -> bool:
    """Return whether an attack on many accounts is under way."""
    since = clock.now() - timedelta(seconds=spray.QUIET)
    return Incident.objects.filter(slot=_SLOT, recognised__isnull=False, seen__gte=since).exists()


def failed(attempt: JudgedTry) -> bool:
    """Enter a try that failed or was refused. Return whether it belongs to an attack on many accounts.

    While an attack is under way its row counts every failure of unknown browsers, mistakes of a few owners included. It lasts as long as
    tries come that belong to it.
    """
    with transaction.atomic():
        row = _current()
        belongs = not row.recognised or spray.belongs(
            refused=attempt.refused, suspect=attempt.suspect, failures_this_minute=attempt.failures_this_minute
        )
        accounts = _marked(row, MarkKind.ACCOUNT, attempt.account) if attempt.account else 0
        networks = _marked(row, MarkKind.NETWORK, attempt.network)
        with connection.cursor() as cursor:
            seen = connection.ops.adapt_datetimefield_value(clock.now() if belongs else row.seen)
            cursor.execute(_COUNT, [int(attempt.refused), int(attempt.suspect), accounts, networks, seen, row.pk])
        if attempt.suspect:
            _turn_out(row, attempt.client)
        return belongs if row.recognised else _recognise(row)


def came(attempt: JudgedTry) -> None:
    """Enter a first factor that was right, from a browser that its account did not know."""
    with transaction.atomic():
        row = _current()
        _marked(row, MarkKind.CAME, attempt.account, attempt.client)
        Incident.objects.filter(pk=row.pk).update(successes=F("successes") + 1)
        if attempt.suspect:
            _turn_out(row, attempt.client)


def concentrated(account: str, since: float, failures: int) -> None:
    """Enter an attack on one account, or extend it.

    Args:
        account: keyed.
        since: Unix seconds of its first failure.
        failures: in a row, until now.
    """
    slot, now = keyed("slot", account), clock.now()
    with transaction.atomic():
        if Incident.objects.filter(slot=slot).update(tries=F("tries") + 1, seen=now):
            return
        begun = datetime.fromtimestamp(since, UTC)
        Incident.objects.bulk_create(
            [Incident(slot=slot, kind=AttackKind.CONCENTRATED, begun=begun, recognised=now, seen=now, tries=failures, accounts=1)],
            ignore_conflicts=True,
        )
        log(Action.ATTACK_BEGAN, kind=AttackKind.CONCENTRATED, tries=failures, accounts=1)


def refused_at(account: str) -> None:
    """Count a refused try of an attack on one account, where one is under way."""
    Incident.objects.filter(slot=keyed("slot", account)).update(tries=F("tries") + 1, refused=F("refused") + 1, seen=clock.now())


def close_quiet() -> None:
    """Close attacks whose last try is long ago, and forget what they counted."""
    now = clock.now()
    for kind, quiet in ((AttackKind.SPRAY, spray.QUIET), (AttackKind.CONCENTRATED, spray.QUIET_ACCOUNT)):
        over = Incident.objects.filter(kind=kind, slot__isnull=False, recognised__isnull=False, seen__lt=now - timedelta(seconds=quiet))
        for row in over:
            with transaction.atomic():
                if Incident.objects.filter(pk=row.pk, slot__isnull=False, seen=row.seen).update(slot=None, closed=now):
                    IncidentMark.objects.filter(incident_id=row.pk).delete()
                    log(Action.ATTACK_ENDED, kind=kind, tries=row.tries, refused=row.refused, accounts=row.accounts, entered=row.entered)


def recent(within: timedelta = timedelta(days=90), most: int = 200) -> list[AttackReport]:
    """Return the attacks of a time, the newest first, those under way included."""
    close_quiet()
    return [_report(row) for row in Incident.objects.filter(recognised__gte=clock.now() - within).order_by("-recognised")[:most]]


def report_of(number: int) -> AttackReport | None:
    """Return one attack; None where there is none of that number."""
    close_quiet()
    row = Incident.objects.filter(pk=number, recognised__isnull=False).first()
    return None if row is None else _report(row)


def _report(row: Incident) -> AttackReport:
    return AttackReport(
        row.pk,
        AttackKind(row.kind),
        row.begun,
        row.recognised,
        row.seen,
        row.closed,
        row.tries,
        row.refused,
        row.accounts,
        row.networks,
        row.entered,
    )


def _current() -> _Watch:
    now = clock.now()
    row = _look()
    if row is not None and row.recognised and row.seen < now - timedelta(seconds=spray.QUIET):
        close_quiet()
        row = None
    elif row is not None and not row.recognised and row.begun < now - timedelta(seconds=spray.WATCH):
        Incident.objects.filter(pk=row.pk, recognised__isnull=True).delete()
        row = None
    if row is None:
        Incident.objects.bulk_create([Incident(slot=_SLOT, kind=AttackKind.SPRAY, begun=now, seen=now)], ignore_conflicts=True)
        row = _look()
    assert row is not None
    return row


def _look() -> _Watch | None:
    found = Incident.objects.filter(slot=_SLOT).values_list("pk", "begun", "seen", "recognised", "accounts", "networks").first()
    return None if found is None else _Watch(found[0], found[1], found[2], found[3] is not None, found[4] + found[5] < MOST_MARKS)


def _marked(row: _Watch, kind: MarkKind, name: str, client: str = "") -> int:
    if not row.room:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_MARK, [row.pk, kind.value, name, client])
        return int(cursor.rowcount > 0)


def _turn_out(row: _Watch, client: str) -> None:
    """Count what a client entered before it turned out to be a suspect."""
    with connection.cursor() as cursor:
        cursor.execute(_TURN_OUT, [MarkKind.ENTERED.value, row.pk, MarkKind.CAME.value, client])
        turned = cursor.rowcount
    if turned > 0:
        Incident.objects.filter(pk=row.pk).update(entered=F("entered") + turned)


def _recognise(row: _Watch) -> bool:
    values = Incident.objects.filter(pk=row.pk).values_list("tries", "suspects", "successes", "accounts").first()
    if values is None or not spray.is_spray(WatchedTries(*values)):
        return False
    if Incident.objects.filter(pk=row.pk, recognised__isnull=True).update(recognised=clock.now()):
        log(Action.ATTACK_BEGAN, kind=AttackKind.SPRAY, tries=values[0], accounts=values[3])
    return True
