"""Sign-ins of staff, counted by hour."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Make the table."""

    dependencies: ClassVar = [("expunge_defence", "m0002_incidents")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="StaffEntry",
            fields=[
                ("name", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("hour", models.DateTimeField(db_index=True)),
                ("outcome", models.CharField(max_length=24)),
                ("method", models.CharField(max_length=16)),
                ("tries", models.IntegerField()),
            ],
            options={"db_table": "expunge_staff_entry"},
        ),
    ]
