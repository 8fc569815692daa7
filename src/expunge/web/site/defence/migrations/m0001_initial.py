"""Tallies of tries, and runs of failures."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Make the tables."""

    initial = True

    dependencies: ClassVar = []

    operations: ClassVar = [
        migrations.CreateModel(
            name="FailedRun",
            fields=[
                ("name", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("failures", models.IntegerField()),
                ("since", models.FloatField()),
                ("ready", models.FloatField()),
                ("ends", models.FloatField(db_index=True, null=True)),
            ],
            options={"db_table": "expunge_failed_run"},
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("name", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("tries", models.IntegerField()),
                ("ends", models.FloatField(db_index=True)),
            ],
            options={"db_table": "expunge_tally"},
        ),
    ]
