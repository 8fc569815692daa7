"""Addresses of logins at companies: ours in the place of allauth's. What stands in them is the map's name of a company."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.providers import views

urlpatterns = [
    path("by/<slug:provider_id>/", views.begin, name="openid_connect_login"),
    path("by/<slug:provider_id>/back/", views.callback, name="openid_connect_callback"),
    path("confirm-by-company/", views.again, name="providers_again"),
    path("3rdparty/", views.connected, name="socialaccount_connections"),
]
