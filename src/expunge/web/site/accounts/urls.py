"""Addresses of accounts: our pages before allauth's."""

from __future__ import annotations

from django.urls import include, path, re_path

from expunge.web.site.accounts import aftermath, recovery_views, views

# Why here: nothing happens to an account but by a request, and whoever listens needs allauth's models, which exist by now.
aftermath.listen()

urlpatterns = [
    path("confirm-email/", views.prove_address, name="account_email_verification_sent"),
    path("logout/", views.LeaveView.as_view(), name="account_logout"),
    path("sessions/", views.SessionsView.as_view(), name="usersessions_list"),
    re_path(r"^2fa/webauthn/keys/", views.not_there),
    path("password/change/", views.change_password, name="account_change_password"),
    path("protect/", recovery_views.enrol, name="accounts_enrol"),
    path("typed-before/", views.typed_before, name="accounts_typed_before"),
    path("recovery/", recovery_views.ask, name="accounts_recovery"),
    path("recovery/code/", recovery_views.prove, name="accounts_recovery_code"),
    path("recovery/waiting/", recovery_views.waiting, name="accounts_recovery_waits"),
    path("recovery/stop/", recovery_views.stop, name="accounts_recovery_stop"),
    path("recovery/stop/<str:token>/", recovery_views.stop_by_mail, name="accounts_recovery_stop_by_mail"),
    path("", include("allauth.urls")),
]
