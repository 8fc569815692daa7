"""The record of how staff came in: counts by hour, in which no person and no machine is named."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models


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
