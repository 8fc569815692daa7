"""Codes of apps are checked by the keeper, which alone has seeds and the names of passkeys."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations

NAMELESS = "passkey"


def forget(apps: Any, _: Any) -> None:
    """Forget seeds and names that lie in the table of logins.

    A code app from before logs nobody in any more: its seed lay where this process could read it. The owner comes in by a passkey, a
    recovery code or a recovery, and sets the app up again.
    """
    rows = apps.get_model("mfa", "Authenticator").objects
    rows.filter(type="totp").update(data={})
    for row in rows.filter(type="webauthn"):
        row.data["name"] = NAMELESS
        row.save(update_fields=["data"])


class Migration(migrations.Migration):
    """Forget them, and the steps of codes that were used."""

    dependencies: ClassVar = [("expunge_accounts", "m0005_session_end"), ("mfa", "0003_authenticator_type_uniq")]

    operations: ClassVar = [migrations.RunPython(forget, migrations.RunPython.noop), migrations.DeleteModel(name="CodeStep")]
