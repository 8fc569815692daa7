"""Tables of hand-overs and recoveries."""

from __future__ import annotations

from typing import Any, ClassVar

import django.db.models.deletion
from django.db import migrations, models

_ACCOUNT: dict[str, Any] = {"on_delete": django.db.models.deletion.CASCADE, "related_name": "+", "to": "expunge_state.accountrow"}


class Migration(migrations.Migration):
    """Make two tables, and widen two."""

    dependencies: ClassVar = [("expunge_state", "m0004_accounts")]

    operations: ClassVar = [
        migrations.AddField("AccountRow", "families_from", models.DateTimeField(null=True)),
        migrations.AddIndex("MembershipRow", models.Index(fields=["family"], name="expunge_members")),
        migrations.CreateModel(
            name="HandOverRow",
            fields=[
                ("use", models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                ("session", models.BinaryField(max_length=32)),
                ("until", models.DateTimeField(db_index=True)),
                ("account", models.UUIDField()),
            ],
            options={"db_table": "expunge_hand_over"},
        ),
        migrations.CreateModel(
            name="RecoveryRow",
            fields=[
                ("begun_at", models.DateTimeField()),
                ("ready_at", models.DateTimeField()),
                ("lapses_at", models.DateTimeField()),
                ("stop", models.BinaryField(max_length=32, unique=True)),
                ("secret", models.BinaryField()),
                ("letters", models.SmallIntegerField(default=0)),
                ("finished_at", models.DateTimeField(null=True)),
                ("account", models.OneToOneField(primary_key=True, serialize=False, **_ACCOUNT)),
            ],
            options={"db_table": "expunge_account_recovery"},
        ),
    ]
