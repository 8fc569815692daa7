"""Accounts, sessions and counters; the column of allauth that holds a sealed key is made wide enough."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Make the tables."""

    initial = True

    dependencies: ClassVar = []

    operations: ClassVar = [
        migrations.CreateModel(
            name="Account",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("is_active", models.BooleanField(default=True)),
                ("since", models.DateTimeField(auto_now_add=True)),
                ("language", models.CharField(default="en", max_length=8)),
            ],
            options={
                "db_table": "expunge_account",
            },
        ),
        migrations.CreateModel(
            name="Counter",
            fields=[
                ("name", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("value", models.BinaryField()),
                ("ends", models.DateTimeField(db_index=True, null=True)),
            ],
            options={
                "db_table": "expunge_counter",
            },
        ),
        migrations.CreateModel(
            name="SealedSession",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("data", models.BinaryField()),
                ("ends", models.DateTimeField(db_index=True)),
            ],
            options={
                "db_table": "expunge_session",
            },
        ),
    ]
