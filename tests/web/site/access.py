"""The access matrix: every operation of the pages and of the API, and the roles that each is for.

Operations come from the routers: the table has to name each of them, and none besides. What is not said to be for a role is refused to it.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from expunge.core.accounts.app_spec import AppScope
from expunge.core.accounts.asks import AskKind
from expunge.core.journal.access_tokens import TokenScope
from tests.web.site.rendered import pages


class Role(enum.Enum):
    """The people who ask."""

    OUTSIDER = "outsider"
    GUARDIAN = "guardian"
    CHILD = "child"
    FORMER_GUARDIAN = "former guardian"
    WRONG_FAMILY = "wrong family"
    OPERATOR = "operator"
    REVIEWER = "reviewer"
    OFFICER = "officer"
    ASSESSOR = "assessor"
    ADMINISTRATOR = "administrator"
    SUSPENDED = "suspended reviewer"


ALL = frozenset(Role)
CUSTOMERS = frozenset({Role.GUARDIAN, Role.CHILD, Role.FORMER_GUARDIAN, Role.WRONG_FAMILY})
STAFF = frozenset({Role.OPERATOR, Role.REVIEWER, Role.OFFICER, Role.ASSESSOR, Role.ADMINISTRATOR})
READERS = frozenset({Role.OFFICER, Role.ASSESSOR, Role.ADMINISTRATOR})
"""Those who may read the register of staff."""
AT_DESK = frozenset({Role.REVIEWER, Role.OFFICER, Role.ASSESSOR, Role.ADMINISTRATOR})
"""Those who have business at the review desk: each with a right about views, evidence or the register of staff."""
NO_ROLE: frozenset[Role] = frozenset()
OF_FAMILY = frozenset({Role.GUARDIAN, Role.CHILD})
"""Those who have a role in the family that pages are asked for about."""

PAGES: Mapping[str, frozenset[Role]] = {
    **dict.fromkeys(
        ("home", "language", "appearance", "account_logout", "account_inactive", "families_hand_over", "what_we_keep",
         "consent_arrive",
         "accounts_recovery_stop_by_mail", "accounts_added_stop_by_mail", "receipt_check"),
        ALL,
    ),
    # Ways in: each shows the person's own login, sign-up, reset or recovery, or leads on.
    **dict.fromkeys(
        (
            "account_login", "account_signup", "account_signup_by_passkey", "account_email_verification_sent",
            "account_confirm_login_code", "account_reset_password", "account_confirm_password_reset_code",
            "account_complete_password_reset", "account_password_reset_completed", "mfa_authenticate", "mfa_login_webauthn",
            "mfa_signup_webauthn", "accounts_recovery", "accounts_recovery_code", "accounts_recovery_waits", "openid_connect_login",
            "openid_connect_callback", "socialaccount_login_cancelled", "socialaccount_login_error", "socialaccount_signup",
        ),
        ALL,
    ),
    **dict.fromkeys(
        (
            "usersessions_list", "account_change_password", "account_set_password", "account_email", "account_reauthenticate",
            "accounts_enrol", "accounts_typed_before", "accounts_close", "accounts_recovery_stop", "accounts_confirm", "mfa_index",
            "mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp", "mfa_view_recovery_codes",
            "mfa_generate_recovery_codes", "mfa_download_recovery_codes", "mfa_list_webauthn", "mfa_add_webauthn",
            "mfa_reauthenticate_webauthn", "families_hand_over_confirm", "families_hand_over_other", "families_hand_over_done",
            "providers_again", "socialaccount_connections", "portal_families",
            # Each names a request, and the clerk looks at whose it is.
            "consent_answer", "consent_other_account", "consent_requests", "consent_request", "consent_form", "consent_scan",
            "consent_withdraw", "consent_receipt",
        ),
        CUSTOMERS,
    ),
    **dict.fromkeys(
        (
            "portal_home", "portal_lock", "portal_places", "portal_places_off", "portal_timeline", "portal_choose", "portal_play",
            "portal_media", "portal_sketch", "portal_looked", "portal_delete", "portal_delete_preview", "portal_delete_confirm",
            "portal_deletion", "portal_deletion_live", "portal_deletion_call_off", "portal_stop", "portal_use", "portal_keeping",
            "portal_keeping_kind", "portal_unused", "portal_requests", "portal_request", "portal_thread", "portal_receipt",
            "portal_receipt_page", "portal_receipt_folder", "portal_notices", "portal_export", "portal_export_end",
            "portal_export_part", "portal_export_check", "portal_guardians", "portal_reviews", "portal_review_answer",
            "portal_review_bar", "portal_look_receipt",
        ),
        OF_FAMILY,
    ),
    **dict.fromkeys(
        ("portal_guardians_ask", "portal_guardians_invite", "portal_guardians_leave", "portal_guardians_dispute"),
        frozenset({Role.GUARDIAN}),
    ),
    **dict.fromkeys(
        (
            "staff_sign_in", "staff_sign_in_begin", "staff_sign_in_finish", "staff_sign_out", "staff_enrol", "staff_enrol_prove",
            "staff_enrol_finish", "staff_company_login", "staff_company_callback",
            # Older forms of addresses: each leads to a page of this table.
            "/account/social/login/cancelled/", "/account/social/login/error/", "/account/social/signup/",
            "/account/social/connections/",
            # It says to each whether the page may stay.
            "staff_still",
        ),
        ALL,
    ),
    **dict.fromkeys(
        (
            "staff_home", "staff_security", "staff_adding", "staff_adding_confirmed", "staff_adding_finish", "staff_removing",
            "staff_removing_confirmed", "staff_sessions", "staff_company_logins", "staff_decide_begin",
            "staff_decide_finish",
        ),
        STAFF,
    ),
    **dict.fromkeys(("staff_forms", "staff_form", "staff_form_scan", "staff_form_begin", "staff_form_finish"), frozenset({Role.OFFICER})),
    **dict.fromkeys(("staff_people", "staff_person", "staff_review", "staff_attempts", "staff_incident"), READERS),
    # The desk: a company without one answers each of these that it has none.
    **dict.fromkeys(("desk_home", "desk_records", "desk_request", "desk_request_stop"), READERS | {Role.REVIEWER}),
    **dict.fromkeys(("desk_again", "desk_again_begin", "desk_again_finish"), STAFF),
    **dict.fromkeys(
        (
            "desk_requests", "desk_request_new", "desk_request_emergency", "desk_request_extend", "desk_request_withdraw",
            "desk_statement", "desk_statement_begin", "desk_statement_finish",
        ),
        frozenset({Role.REVIEWER}),
    ),
    **dict.fromkeys(("desk_approvals", "desk_approval", "desk_judgement", "desk_train"), frozenset({Role.OFFICER})),
    **dict.fromkeys(("desk_findings", "desk_finding", "desk_looks"), frozenset({Role.OFFICER, Role.ASSESSOR})),
    "desk_people": READERS,
    **dict.fromkeys(
        (
            "desk_view_start", "desk_view", "desk_view_step", "desk_view_segment", "desk_view_film", "desk_view_still", "desk_view_live",
            "desk_view_report", "desk_view_give_back", "desk_view_result",
        ),
        frozenset({Role.REVIEWER}),
    ),
    **dict.fromkeys(("desk_orders", "desk_order"), frozenset({Role.OPERATOR, Role.OFFICER, Role.ASSESSOR})),
    **dict.fromkeys(
        (
            "desk_incidents", "desk_incident", "desk_incident_new", "desk_incident_change", "desk_incident_close", "desk_incident_letter",
        ),
        frozenset({Role.OFFICER, Role.ASSESSOR}),
    ),
    **dict.fromkeys(("desk_order_sign", "desk_order_signed"), frozenset({Role.OFFICER})),
    **dict.fromkeys(("desk_order_receipt", "desk_order_folder"), frozenset({Role.OFFICER, Role.ASSESSOR})),
    **dict.fromkeys(("staff_decide", "staff_decide_function", "staff_invite"), frozenset({Role.ADMINISTRATOR})),
    **dict.fromkeys(("desk_again", "desk_again_begin", "desk_again_finish"), STAFF),
    "desk_home": AT_DESK,
    **dict.fromkeys(
        (
            "/account/2fa/webauthn/keys/", "mfa_edit_webauthn", "mfa_remove_webauthn",
            "account_request_reauthentication_code", "account_confirm_reauthentication_code",
        ),
        NO_ROLE,
    ),
}  # fmt: skip
"""Name of a route, or its path where it has none -> the roles that it is for."""


LEAD_IN = frozenset(
    {
        "/",
        "/child/",
        "/account/login/",
        "/account/reauthenticate/",
        "/account/2fa/reauthenticate/",
        "/staff/",
        "/staff/sign-in/",
        "/staff/desk/again/",
    }
)
"""Pages that lead in: an answer that leads there shows nothing but what is the person's own."""
TO_PLAYERS = frozenset({"portal_media", "portal_sketch"})
"""They answer a player, which cannot show a page: outside an opening by 403, and not by leading to one."""
SLUG = "<slug>"
"""Stands in a path for the family, which each session has a word of its own for."""


@dataclass(frozen=True)
class Cell:
    """One operation, and one role that asks for it."""

    path: str
    name: str
    role: Role

    @property
    def allowed(self) -> bool:
        return self.role in PAGES[self.name or self.path]

    def __str__(self) -> str:
        return f"{self.name} {self.path} as {self.role.value}"


def cells() -> list[Cell]:
    """Every route and every role."""
    return [Cell(filled(path, name), name, role) for path, name in pages().routes for role in Role]


def filled(path: str, name: str) -> str:
    """A path with something that exists in each of its places, where there is such a thing."""
    parts = {"staff_person": ["night-desk"], "staff_decide": ["night-desk", "suspend"], "staff_still": ["any"]}
    parts["staff_decide_function"] = ["night-desk", "grant", "reviewer"]
    for part in parts.get(name, []):
        path = path.replace("<pk>", part, 1)
    if path.startswith("/child/<pk>/"):
        path = path.replace("<pk>", SLUG, 1)
    return path.replace("<pk>", "1")


ASKS: Mapping[AskKind, frozenset[Role]] = {
    AskKind.EXPORT: frozenset({Role.GUARDIAN, Role.CHILD}),
    AskKind.PLAYBACK: frozenset({Role.GUARDIAN, Role.CHILD}),
    AskKind.DELETE_EVERYTHING: frozenset({Role.GUARDIAN, Role.CHILD}),
    AskKind.CALL_OFF: frozenset({Role.GUARDIAN, Role.CHILD}),
    AskKind.CHANGE_OF_GUARDIAN: frozenset({Role.GUARDIAN}),
    AskKind.REVIEW: frozenset({Role.GUARDIAN, Role.CHILD}),
    AskKind.VIEW: frozenset({Role.REVIEWER}),
    AskKind.APPROVAL: frozenset({Role.OFFICER}),
    AskKind.CHANGE_OF_RIGHTS: frozenset({Role.OFFICER, Role.ADMINISTRATOR}),
    **dict.fromkeys((AskKind.CHANGE_OF_ADDRESS, AskKind.CLOSE_ACCOUNT, AskKind.HAND_OVER), CUSTOMERS),
    **dict.fromkeys((AskKind.ENROL_CREDENTIAL, AskKind.REMOVE_CREDENTIAL), CUSTOMERS | STAFF),
}  # fmt: skip
"""Sensitive ask -> the roles that may do it: about the family, as staff, or about the account that asks."""


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


APP: Mapping[str, TokenScope | AppScope | None] = {
    **dict.fromkeys(("exchange", "end_login", "said"), TokenScope.FAMILIES),
    **dict.fromkeys(("list_families", "end_token"), None),
    **dict.fromkeys(("get_held", "list_orders", "get_order", "list_consents"), AppScope.READ),
    "withdraw_consent": AppScope.STOP,
    **dict.fromkeys(("order_deletion", "cancel_order", "list_recordings", "delete_recording"), AppScope.DELETE),
    "get_receipt": AppScope.RECEIPTS,
}
"""Operation of the API for the company's app -> the scope of its token: the app's own, or a customer's; None for any customer's."""


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
