"""Columns of ways to confirm that wait before they count, and of the address that an account had before."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations, models

_UNTOLD = models.Q(waits_until__isnull=False, stop=None)


def _columns(model: str, index: str) -> list[Any]:
    return [
        migrations.AddField(model, "waits_until", models.DateTimeField(null=True)),
        migrations.AddField(model, "waits_first", models.BooleanField(default=False)),
        migrations.AddField(model, "stop", models.BinaryField(max_length=32, null=True, unique=True)),
        migrations.AddIndex(model, models.Index(fields=["waits_until"], condition=_UNTOLD, name=index)),
    ]


class Migration(migrations.Migration):
    """Widen three tables. What is enrolled already counts."""

    dependencies: ClassVar = [("expunge_state", "m0005_families")]

    operations: ClassVar = [
        migrations.AddField("AccountRow", "address_before", models.BinaryField(default=b"")),
        migrations.AddField("AccountRow", "before_until", models.DateTimeField(null=True)),
        *_columns("CredentialRow", "expunge_new_passkeys"),
        *_columns("CodeDeviceRow", "expunge_new_devices"),
    ]
