"""Recoveries, which the keeper has from here on. One that waits begins anew."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """Remove the table."""

    dependencies: ClassVar = [("expunge_accounts", "m0006_factors_at_the_keeper")]

    operations: ClassVar = [migrations.DeleteModel(name="Recovery")]
