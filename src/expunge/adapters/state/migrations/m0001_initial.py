"""Streams and events."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Make both tables."""

    initial = True

    dependencies: ClassVar = []

    operations: ClassVar = [
        migrations.CreateModel(
            name="Stream",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=64, unique=True)),
                ("length", models.BigIntegerField()),
                ("head", models.BinaryField(max_length=32)),
            ],
            options={"db_table": "expunge_stream"},
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("position", models.BigIntegerField()),
                ("digest", models.BinaryField(max_length=32)),
                ("body", models.BinaryField()),
                (
                    "stream",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="expunge_state.stream"
                    ),
                ),
            ],
            options={
                "db_table": "expunge_event",
                "constraints": [models.UniqueConstraint(fields=("stream", "position"), name="expunge_event_position")],
            },
        ),
    ]
