"""A number of each account that grows when everything begun before it ends."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the column."""

    dependencies: ClassVar = [("expunge_accounts", "m0003_devices_and_recovery")]

    operations: ClassVar = [
        migrations.AddField(model_name="account", name="generation", field=models.PositiveBigIntegerField(default=0)),
    ]
