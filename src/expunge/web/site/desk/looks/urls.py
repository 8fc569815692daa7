"""The address of who looked."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.desk.looks import pages

urlpatterns = [path("looks/", pages.looks, name="desk_looks")]
