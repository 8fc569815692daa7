"""The time at which a session ends however it is used."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the column. Sessions of before get their time when they are written next."""

    dependencies: ClassVar = [("expunge_accounts", "m0004_generation")]

    operations: ClassVar = [
        migrations.AddField(model_name="sealedsession", name="latest", field=models.DateTimeField(null=True)),
    ]
