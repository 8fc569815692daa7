"""Mail that was handed on, and that did not arrive."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Make the tables."""

    dependencies: ClassVar = [("expunge_mail", "m0001_initial")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="MailTrouble",
            fields=[
                ("recipient", models.CharField(max_length=640, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=8)),
                ("status", models.CharField(max_length=12)),
                ("since", models.DateTimeField(db_index=True)),
            ],
            options={"db_table": "expunge_mail_trouble"},
        ),
        migrations.CreateModel(
            name="SentMail",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("recipient", models.CharField(db_index=True, max_length=640)),
                ("sent", models.DateTimeField(db_index=True)),
            ],
            options={"db_table": "expunge_mail_sent"},
        ),
    ]
