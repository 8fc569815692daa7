"""Addresses of the pages of ways in, and of the page that confirms: they stand in the place of allauth's."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.factors import asking, changes, enrolling, waiting, ways

for room in (enrolling, ways, changes):
    room.offer_asks()

urlpatterns = [
    path("confirm/", asking.confirm, name="accounts_confirm"),
    path("email/", changes.AddressView.as_view(), name="account_email"),
    path("2fa/", ways.WaysView.as_view(), name="mfa_index"),
    path("2fa/webauthn/", ways.passkeys, name="mfa_list_webauthn"),
    path("2fa/webauthn/add/", enrolling.add_passkey, name="mfa_add_webauthn"),
    path("2fa/webauthn/signup/", enrolling.sign_up_passkey, name="mfa_signup_webauthn"),
    path("2fa/totp/activate/", enrolling.add_app, name="mfa_activate_totp"),
    path("2fa/totp/deactivate/", ways.remove_app, name="mfa_deactivate_totp"),
    path("added/stop/<str:token>/", waiting.stop_by_mail, name="accounts_added_stop_by_mail"),
    path("close/", changes.close, name="accounts_close"),
]
