"""Ways in by the names of addresses. A form that neither table names is throttled as :attr:`Surface.OTHER`."""

from __future__ import annotations

from expunge.core.attempts.attempt_limits import Surface

SURFACES = {
    "account_login": Surface.LOGIN,
    "account_signup": Surface.SIGN_UP,
    "account_signup_by_passkey": Surface.SIGN_UP,
    "mfa_signup_webauthn": Surface.SIGN_UP,
    "account_reset_password": Surface.PASSWORD_RESET,
    "account_confirm_password_reset_code": Surface.MAIL_CODE,
    "account_complete_password_reset": Surface.MAIL_CODE,
    "account_email_verification_sent": Surface.MAIL_CODE,
    "account_confirm_login_code": Surface.MAIL_CODE,
    "account_request_reauthentication_code": Surface.MAIL_CODE,
    "account_confirm_reauthentication_code": Surface.MAIL_CODE,
    "accounts_recovery": Surface.PASSWORD_RESET,
    "accounts_recovery_code": Surface.MAIL_CODE,
    "accounts_recovery_stop_by_mail": Surface.MAIL_CODE,
    "families_hand_over": Surface.HAND_OVER,
    "families_hand_over_confirm": Surface.SECOND_FACTOR,
    "consent_arrive": Surface.HAND_OVER,
    "consent_answer": Surface.HAND_OVER,
    "account_reauthenticate": Surface.REAUTHENTICATION,
    "account_change_password": Surface.PASSWORD_CHANGE,
    "account_set_password": Surface.PASSWORD_CHANGE,
    "accounts_confirm": Surface.SECOND_FACTOR,
    "mfa_authenticate": Surface.SECOND_FACTOR,
    "mfa_reauthenticate": Surface.SECOND_FACTOR,
    "mfa_activate_totp": Surface.SECOND_FACTOR,
    "mfa_add_webauthn": Surface.PASSKEY,
    "mfa_login_webauthn": Surface.PASSKEY,
    "mfa_reauthenticate_webauthn": Surface.PASSKEY,
    "openid_connect_login": Surface.PROVIDER_BUTTON,
    "openid_connect_callback": Surface.PROVIDER,
    "socialaccount_signup": Surface.SIGN_UP,
    "staff_company_login": Surface.PROVIDER_BUTTON,
    "staff_company_callback": Surface.PROVIDER,
    "staff_sign_in_begin": Surface.PASSKEY,
    "staff_enrol_prove": Surface.PASSKEY,
    "staff_adding": Surface.PASSKEY,
    "staff_removing": Surface.PASSKEY,
    "desk_again_begin": Surface.PASSKEY,
}
"""The name of an address -> the way in."""

BY_ADDRESS = frozenset({"openid_connect_callback", "staff_company_callback"})
"""Names of addresses at which a credential is tried without a form."""

_DECIDES = "decides as an employee who has come in; the keeper looks at the passkey"
NOT_THROTTLED = {
    "language": "sets the language of the pages",
    "account_logout": "ends a session",
    "usersessions_list": "ends sessions of a person who is logged in",
    "mfa_list_webauthn": "names a passkey, or leads to the page that asks",
    "mfa_deactivate_totp": "leads to the page that asks",
    "accounts_close": "leads to the page that asks",
    "accounts_recovery_stop": "stops a recovery of a person who is logged in",
    "accounts_typed_before": "shows a form again that a person had typed",
    "staff_company_logins": "ends a connected login of an employee who signed in by a passkey a moment ago",
    "socialaccount_connections": "ends a connected login of a person who has just proven it",
    "staff_sign_in_finish": "answers a challenge that was counted when it was begun",
    "staff_sign_out": "ends a session",
    "desk_again_finish": "answers a challenge that was counted when it was begun",
    "consent_other_account": "ends a session",
    "consent_scan": "takes the picture of a form from a person who is logged in",
    "consent_withdraw": "stops a request of a person who is logged in",
    "portal_guardians_ask": "begins a request of a person who is logged in; its answer is counted",
    "portal_guardians_invite": "leads to the page that asks",
    "portal_guardians_leave": "leads to the page that asks",
    "portal_guardians_dispute": "stops what guardians decide",
    "staff_invite": _DECIDES,
    "staff_decide": _DECIDES,
    "staff_decide_function": _DECIDES,
    "staff_decide_begin": _DECIDES,
    "staff_form_begin": _DECIDES,
    "staff_form_finish": _DECIDES,
    "staff_decide_finish": _DECIDES,
    "staff_enrol_finish": "answers a challenge that was counted when it was begun",
    "staff_adding_confirmed": "answers a challenge that was counted when it was begun",
    "staff_adding_finish": "answers a challenge that was counted when it was begun",
    "staff_removing_confirmed": "answers a challenge that was counted when it was begun",
    "staff_sessions": "ends sessions of a person who is signed in",
    "portal_request": "writes to the company as a member of the family; a thread takes only so much",
    "portal_notices": "marks what a member of the family has read",
    "mfa_trust": "says whether this browser is kept, after every factor was proven",
}
"""The name of an address -> why a form there tries no credential."""


def surface_of(name: str) -> Surface | None:
    """Return the way in that an address is; None for one at which no credential can be tried."""
    return None if name in NOT_THROTTLED else SURFACES.get(name, Surface.OTHER)
