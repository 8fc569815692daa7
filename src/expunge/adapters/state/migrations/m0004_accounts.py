"""Tables of the keeper's accounts."""

from __future__ import annotations

from typing import Any, ClassVar

import django.db.models.deletion
from django.db import migrations, models

_ACCOUNT: dict[str, Any] = {"on_delete": django.db.models.deletion.PROTECT, "related_name": "+", "to": "expunge_state.accountrow"}


class Migration(migrations.Migration):
    """Make four tables."""

    dependencies: ClassVar = [("expunge_state", "m0003_append")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="AccountRow",
            fields=[
                ("account", models.UUIDField(primary_key=True, serialize=False)),
                ("address", models.BinaryField()),
                ("language", models.CharField(max_length=35)),
                ("opened_at", models.DateTimeField()),
                ("proven_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "expunge_account"},
        ),
        migrations.CreateModel(
            name="CredentialRow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("credential", models.BinaryField(max_length=1023, unique=True)),
                ("key", models.BinaryField()),
                ("sign_count", models.BigIntegerField()),
                ("user_verified", models.BooleanField()),
                ("backup_eligible", models.BooleanField()),
                ("name", models.BinaryField()),
                ("ceremony", models.BinaryField(max_length=32)),
                ("created_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                ("copied_at", models.DateTimeField(null=True)),
                ("account", models.ForeignKey(**_ACCOUNT)),
            ],
            options={"db_table": "expunge_credential"},
        ),
        migrations.CreateModel(
            name="CodeDeviceRow",
            fields=[
                ("seed", models.BinaryField()),
                ("last_step", models.BigIntegerField()),
                ("ceremony", models.BinaryField(max_length=32)),
                ("created_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                ("account", models.OneToOneField(primary_key=True, serialize=False, **_ACCOUNT)),
            ],
            options={"db_table": "expunge_code_device"},
        ),
        migrations.CreateModel(
            name="MembershipRow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("family", models.CharField(max_length=128)),
                ("role", models.CharField(max_length=16)),
                ("since", models.DateTimeField()),
                ("account", models.ForeignKey(**_ACCOUNT)),
            ],
            options={
                "db_table": "expunge_membership",
                "constraints": [models.UniqueConstraint(fields=("account", "family"), name="expunge_membership_family")],
            },
        ),
    ]
