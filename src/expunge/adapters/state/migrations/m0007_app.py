"""Tables of the company's app and of web hooks."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations, models


def _digest(**options: Any) -> models.Field[Any, Any]:
    return models.BinaryField(max_length=32, **options)


def _key() -> models.Field[Any, Any]:
    return _digest(primary_key=True, serialize=False)


def _time(**options: Any) -> models.Field[Any, Any]:
    return models.DateTimeField(**options)


class Migration(migrations.Migration):
    """Make six tables."""

    dependencies: ClassVar = [("expunge_state", "m0006_waits")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="AppTokenRow",
            fields=[
                ("digest", _key()),
                ("client", models.CharField(max_length=12)),
                ("login", _digest(db_index=True)),
                ("families", models.TextField()),
                ("scopes", models.CharField(max_length=64)),
                ("authenticated_at", _time()),
                ("until", _time(db_index=True)),
                ("key", models.CharField(max_length=128)),
            ],
            options={"db_table": "expunge_app_token"},
        ),
        migrations.CreateModel(
            name="AppStatementRow",
            fields=[("use", _key()), ("until", _time(db_index=True))],
            options={"db_table": "expunge_app_statement"},
        ),
        migrations.CreateModel(
            name="AppLoginEndRow",
            fields=[("login", _key()), ("until", _time(db_index=True))],
            options={"db_table": "expunge_app_login_end"},
        ),
        migrations.CreateModel(
            name="AppRequestRow",
            fields=[
                ("key", _key()),
                ("request", _digest()),
                ("made_at", _time(db_index=True)),
                ("answer", models.CharField(max_length=64)),
            ],
            options={"db_table": "expunge_app_request"},
        ),
        migrations.CreateModel(
            name="WebhookRow",
            fields=[
                ("id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("hook", models.CharField(max_length=31)),
                ("order", models.CharField(max_length=64)),
                ("kind", models.CharField(max_length=32)),
                ("at", _time()),
                ("body", models.BinaryField()),
                ("tries", models.IntegerField(default=0)),
                ("first_at", _time(null=True)),
                ("due_at", _time(db_index=True, null=True)),
                ("taken_at", _time(null=True)),
                ("fault", models.CharField(default="", max_length=128)),
            ],
            options={"db_table": "expunge_webhook"},
        ),
        migrations.CreateModel(
            name="WebhookSinceRow",
            fields=[("hook", models.CharField(max_length=31, primary_key=True, serialize=False)), ("since", _time())],
            options={"db_table": "expunge_webhook_since"},
        ),
    ]
