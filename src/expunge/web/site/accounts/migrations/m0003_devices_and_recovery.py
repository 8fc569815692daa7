"""Browsers that are known, steps of codes that were used, counters of passkeys, and recoveries."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import expunge.clock


class Migration(migrations.Migration):
    """Make the tables."""

    dependencies: ClassVar = [("expunge_accounts", "m0002_wide_session_key"), ("mfa", "0003_authenticator_type_uniq")]

    operations: ClassVar = [
        migrations.AddField(model_name="account", name="must_enrol", field=models.BooleanField(default=False)),
        migrations.CreateModel(
            name="CodeStep",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, primary_key=True, serialize=False, to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("step", models.BigIntegerField()),
            ],
            options={"db_table": "expunge_code_step"},
        ),
        migrations.CreateModel(
            name="PasskeyCounter",
            fields=[
                (
                    "way",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, primary_key=True, serialize=False, to="mfa.authenticator"
                    ),
                ),
                ("count", models.BigIntegerField()),
            ],
            options={"db_table": "expunge_passkey_counter"},
        ),
        migrations.CreateModel(
            name="Recovery",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, primary_key=True, serialize=False, to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("begun", models.DateTimeField()),
                ("ready", models.DateTimeField()),
                ("lapses", models.DateTimeField()),
                ("stop", models.CharField(max_length=64, unique=True)),
            ],
            options={"db_table": "expunge_recovery"},
        ),
        migrations.CreateModel(
            name="KnownDevice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("browser", models.CharField(max_length=120)),
                ("network", models.GenericIPAddressField()),
                ("since", models.DateTimeField(default=expunge.clock.now)),
                ("seen", models.DateTimeField(default=expunge.clock.now)),
                (
                    "account",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="devices", to=settings.AUTH_USER_MODEL),
                ),
            ],
            options={"db_table": "expunge_known_device"},
        ),
    ]
