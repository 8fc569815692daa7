"""The access matrix: every operation of the pages and of the API, and the roles that each is for.

Operations come from the routers: the table has to name each of them, and none besides. What is not said to be for a role is refused to it.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from expunge.core.journal.access_tokens import TokenScope
from tests.web.site.rendered import pages


class Role(enum.Enum):
    """The people and programs that ask."""

    OUTSIDER = "outsider"
    GUARDIAN = "guardian"
    CHILD = "child"
    FORMER_GUARDIAN = "former guardian"
    WRONG_FAMILY = "wrong family"


PEOPLE = frozenset(Role)
CUSTOMERS = PEOPLE - {Role.OUTSIDER}
NO_ROLE: frozenset[Role] = frozenset()

PAGES: Mapping[str, frozenset[Role]] = {
    # For all: each shows the person's own login, sign-up, reset or recovery, or leads on.
    **dict.fromkeys(
        (
            "home", "language", "appearance", "account_login", "account_logout", "account_inactive", "account_signup",
            "account_signup_by_passkey", "account_email_verification_sent", "account_confirm_login_code", "account_reset_password",
            "account_confirm_password_reset_code", "account_complete_password_reset", "account_password_reset_completed",
            "mfa_authenticate", "mfa_login_webauthn", "mfa_signup_webauthn", "accounts_recovery", "accounts_recovery_code",
            "accounts_recovery_waits", "accounts_recovery_stop_by_mail",
        ),
        PEOPLE,
    ),
    **dict.fromkeys(
        (
            "usersessions_list", "account_change_password", "account_set_password", "account_email", "account_reauthenticate",
            "accounts_enrol", "accounts_typed_before", "accounts_close", "accounts_recovery_stop", "mfa_index", "mfa_reauthenticate",
            "mfa_activate_totp", "mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_generate_recovery_codes",
            "mfa_download_recovery_codes", "mfa_list_webauthn", "mfa_add_webauthn", "mfa_reauthenticate_webauthn",
        ),
        CUSTOMERS,
    ),
    **dict.fromkeys(
        (
            "", "mfa_edit_webauthn", "mfa_remove_webauthn",
            "account_request_reauthentication_code", "account_confirm_reauthentication_code",
        ),
        NO_ROLE,
    ),
}  # fmt: skip
"""Name of a route -> the roles that it is for. The unnamed one is closed, as the two it stands before."""


SIGN_IN = frozenset({"/account/login/", "/account/signup/", "/account/reauthenticate/", "/account/2fa/authenticate/"})
"""Pages that lead in: an answer that leads there shows nothing."""


@dataclass(frozen=True)
class Cell:
    """One operation, and one role that asks for it."""

    path: str
    name: str
    role: Role

    @property
    def allowed(self) -> bool:
        return self.role in PAGES[self.name]

    def __str__(self) -> str:
        return f"{self.name or 'unnamed'} {self.path} as {self.role.value}"


def cells() -> list[Cell]:
    """Every route and every role."""
    return [Cell(path.replace("<pk>", "1"), name, role) for path, name in pages().routes for role in Role]


API: Mapping[str, TokenScope | None] = {
    "post_lineage": TokenScope.LINEAGE,
    "post_lineage_batch": TokenScope.LINEAGE,
    "get_collect": TokenScope.COLLECT,
    "put_recording": TokenScope.INGEST,
    "delete_upload": TokenScope.INGEST,
    "metrics": TokenScope.METRICS,
    "healthz": None,
    "readyz": None,
}
"""Operation of the API -> the scope of the token that it takes; None where it takes none."""


@dataclass(frozen=True)
class Operation:
    """One operation, as the API's own document has it."""

    method: str
    path: str
    name: str


def operations(document: Mapping[str, Any]) -> list[Operation]:
    """Every operation of an OpenAPI document."""
    return [
        Operation(method.upper(), re.sub(r"\{\w+\}", "recordings", path), operation["operationId"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
