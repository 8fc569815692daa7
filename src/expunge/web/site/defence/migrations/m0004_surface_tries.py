"""Tries by way in and hour."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Make the table."""

    dependencies: ClassVar = [("expunge_defence", "m0003_staff_entries")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="SurfaceTries",
            fields=[
                ("name", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("hour", models.IntegerField(db_index=True)),
                ("surface", models.CharField(max_length=32)),
                ("outcome", models.CharField(max_length=16)),
                ("tries", models.IntegerField()),
            ],
            options={"db_table": "expunge_surface_tries"},
        ),
    ]
