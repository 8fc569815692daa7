"""Incidents, and what they have counted."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Make the tables."""

    dependencies: ClassVar = [("expunge_defence", "m0001_initial")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Incident",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slot", models.CharField(max_length=64, null=True, unique=True)),
                ("kind", models.CharField(max_length=16)),
                ("begun", models.DateTimeField()),
                ("recognised", models.DateTimeField(db_index=True, null=True)),
                ("seen", models.DateTimeField()),
                ("closed", models.DateTimeField(null=True)),
                ("tries", models.IntegerField(default=0)),
                ("refused", models.IntegerField(default=0)),
                ("suspects", models.IntegerField(default=0)),
                ("successes", models.IntegerField(default=0)),
                ("accounts", models.IntegerField(default=0)),
                ("networks", models.IntegerField(default=0)),
                ("entered", models.IntegerField(default=0)),
            ],
            options={"db_table": "expunge_incident"},
        ),
        migrations.CreateModel(
            name="IncidentMark",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=8)),
                ("name", models.CharField(max_length=64)),
                ("client", models.CharField(default="", max_length=64)),
                ("incident", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="expunge_defence.incident")),
            ],
            options={
                "db_table": "expunge_incident_mark",
                "constraints": [models.UniqueConstraint(fields=("incident", "kind", "name"), name="expunge_mark_once")],
            },
        ),
    ]
