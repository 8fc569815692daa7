"""Mail that waits."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Make the table."""

    initial = True

    dependencies: ClassVar = []

    operations: ClassVar = [
        migrations.CreateModel(
            name="WaitingMail",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("recipient", models.CharField(db_index=True, max_length=640)),
                ("key", models.BinaryField()),
                ("body", models.BinaryField()),
                ("queued", models.DateTimeField()),
                ("due", models.DateTimeField(db_index=True)),
                ("ends", models.DateTimeField(db_index=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("lease", models.UUIDField(null=True)),
                ("leased_until", models.DateTimeField(null=True)),
            ],
            options={"db_table": "expunge_mail_waiting"},
        ),
    ]
