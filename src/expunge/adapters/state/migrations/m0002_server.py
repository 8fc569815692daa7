"""Tables for state that lies wholly in the database: shelf, outbox, leases."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Make three tables."""

    dependencies: ClassVar = [("expunge_state", "m0001_initial")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="ShelfFile",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("order", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=64)),
                ("data", models.BinaryField()),
            ],
            options={
                "db_table": "expunge_shelf",
                "constraints": [models.UniqueConstraint(fields=("order", "name"), name="expunge_shelf_name")],
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("order", models.CharField(max_length=64)),
                ("kind", models.CharField(max_length=64)),
                ("body", models.BinaryField()),
            ],
            options={
                "db_table": "expunge_notice",
                "constraints": [models.UniqueConstraint(fields=("order", "kind"), name="expunge_notice_kind")],
            },
        ),
        migrations.CreateModel(
            name="LeaseRow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=255, unique=True)),
                ("holder", models.CharField(max_length=255)),
                ("since", models.BigIntegerField()),
                ("until", models.BigIntegerField()),
            ],
            options={"db_table": "expunge_lease"},
        ),
    ]
