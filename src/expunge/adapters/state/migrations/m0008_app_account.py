"""The column of the account that an access token of the company's app stands for."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Widen one table. Tokens from before stand for no account; they end within minutes."""

    dependencies: ClassVar = [("expunge_state", "m0007_app")]

    operations: ClassVar = [migrations.AddField("AppTokenRow", "account", models.CharField(default="", max_length=36))]
