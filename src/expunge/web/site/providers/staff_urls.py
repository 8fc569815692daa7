"""Addresses of the company logins of staff. They lie below those of staff, so that the networks of the map count for them as well."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.providers import staff_views

urlpatterns = [
    path("by/<slug:provider_id>/", staff_views.begin, name="staff_company_login"),
    path("by/<slug:provider_id>/back/", staff_views.callback, name="staff_company_callback"),
    path("company-logins/", staff_views.connected, name="staff_company_logins"),
]
