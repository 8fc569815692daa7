"""Tables of tries and incidents. No address of a person or of a machine stands in them: names are keyed (:mod:`.names`)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models


class Tally(models.Model):
    """A number of tries in one window: of a client, a network, everybody, a pair of client and account."""

    name: models.CharField[str, str] = models.CharField(primary_key=True, max_length=64)
    tries: models.IntegerField[int, int] = models.IntegerField()
    ends: models.FloatField[float, float] = models.FloatField(db_index=True)
    """Unix seconds after which the row is removed."""

    objects: ClassVar[models.Manager[Tally]] = models.Manager()

    class Meta:
        """Its table."""

        db_table = "expunge_tally"

    def __str__(self) -> str:
        return "tally"


class FailedRun(models.Model):
    """Failures in a row of one factor, by an address as it was typed, by an account, or by the account's own browsers."""

    name: models.CharField[str, str] = models.CharField(primary_key=True, max_length=64)
    failures: models.IntegerField[int, int] = models.IntegerField()
    since: models.FloatField[float, float] = models.FloatField()
    """Unix seconds of the first failure."""
    ready: models.FloatField[float, float] = models.FloatField()
    """Unix seconds before which no further try is looked at."""
    ends: models.FloatField[float | None, float | None] = models.FloatField(db_index=True, null=True)
    """Unix seconds after which the row is removed; none for an account's: only a success ends its run."""

    objects: ClassVar[models.Manager[FailedRun]] = models.Manager()

    class Meta:
        """Its table."""

        db_table = "expunge_failed_run"

    def __str__(self) -> str:
        return "failed run"


class Incident(models.Model):
    """An attack; or, without ``recognised``, failures that may become one."""

    slot: models.CharField[str | None, str | None] = models.CharField(max_length=64, unique=True, null=True)
    """What keeps it single while it is open: one attack on many accounts, one on each account; none when closed."""
    kind: models.CharField[str, str] = models.CharField(max_length=16)
    begun: models.DateTimeField[Any, Any] = models.DateTimeField()
    """The first of its tries."""
    recognised: models.DateTimeField[Any, Any] = models.DateTimeField(null=True, db_index=True)
    seen: models.DateTimeField[Any, Any] = models.DateTimeField()
    """The last of its tries."""
    closed: models.DateTimeField[Any, Any] = models.DateTimeField(null=True)
    tries: models.IntegerField[int, int] = models.IntegerField(default=0)
    """Tries that failed or were refused."""
    refused: models.IntegerField[int, int] = models.IntegerField(default=0)
    """Those of them that were refused before a hash."""
    suspects: models.IntegerField[int, int] = models.IntegerField(default=0)
    """Those of them whose source or password tried several accounts."""
    successes: models.IntegerField[int, int] = models.IntegerField(default=0)
    """First factors that were right from browsers that the account did not know, attackers' and others'."""
    accounts: models.IntegerField[int, int] = models.IntegerField(default=0)
    """Addresses that were tried, known or not, each counted once."""
    networks: models.IntegerField[int, int] = models.IntegerField(default=0)
    """Networks (/24, /48) that tried, each counted once."""
    entered: models.IntegerField[int, int] = models.IntegerField(default=0)
    """Accounts whose first factor a suspect had right."""

    objects: ClassVar[models.Manager[Incident]] = models.Manager()

    class Meta:
        """Its table."""

        db_table = "expunge_incident"

    def __str__(self) -> str:
        return self.kind


class IncidentMark(models.Model):
    """A thing that an open incident has counted. Removed when the incident closes."""

    incident: models.ForeignKey[Any, Any] = models.ForeignKey(Incident, models.CASCADE)
    kind: models.CharField[str, str] = models.CharField(max_length=8)
    name: models.CharField[str, str] = models.CharField(max_length=64)
    client: models.CharField[str, str] = models.CharField(max_length=64, default="")
    """The client of a success, which may turn out to be a suspect later."""

    objects: ClassVar[models.Manager[IncidentMark]] = models.Manager()

    class Meta:
        """Its table."""

        db_table = "expunge_incident_mark"
        constraints: ClassVar = [models.UniqueConstraint(fields=["incident", "kind", "name"], name="expunge_mark_once")]

    def __str__(self) -> str:
        return "mark"


class SurfaceTries(models.Model):
    """A number of tries at one way in, of one hour, that ended in one way."""

    name: models.CharField[str, str] = models.CharField(primary_key=True, max_length=64)
    """Of its hour, way in and outcome."""
    hour: models.IntegerField[int, int] = models.IntegerField(db_index=True)
    """Hours since 1970, UTC."""
    surface: models.CharField[str, str] = models.CharField(max_length=32)
    """A value of :class:`expunge.core.attempts.attempt_limits.Surface`."""
    outcome: models.CharField[str, str] = models.CharField(max_length=16)
    """A value of :class:`expunge.web.site.defence.by_surface.TryOutcome`."""
    tries: models.IntegerField[int, int] = models.IntegerField()

    objects: ClassVar[models.Manager[SurfaceTries]] = models.Manager()

    class Meta:
        """Its table."""

        db_table = "expunge_surface_tries"

    def __str__(self) -> str:
        return self.surface


class StaffEntry(models.Model):
    """So many sign-ins or enrolments of one hour that ended in one way, by one method."""

    name: models.CharField[str, str] = models.CharField(primary_key=True, max_length=64)
    """Of its hour, outcome and method."""
    hour: models.DateTimeField[Any, Any] = models.DateTimeField(db_index=True)
    """The beginning of the hour, UTC."""
    outcome: models.CharField[str, str] = models.CharField(max_length=24)
    """A value of :class:`expunge.web.site.staff.record.Outcome`."""
    method: models.CharField[str, str] = models.CharField(max_length=16)
    """A value of :class:`expunge.web.site.staff.strength.SignInMethod`; empty where none was shown."""
    tries: models.IntegerField[int, int] = models.IntegerField()

    objects: ClassVar[models.Manager[StaffEntry]] = models.Manager()

    class Meta:
        """Its table."""

        db_table = "expunge_staff_entry"

    def __str__(self) -> str:
        return self.outcome
