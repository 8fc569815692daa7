"""Addresses of copies of a family's data. They name a copy by its random id."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.portal.exporting import downloads, pages

pages.offer_asks()

urlpatterns = [
    path("export/", pages.copies, name="portal_export"),
    path("export/<slug:export>/end/", pages.end, name="portal_export_end"),
    path("export/<slug:export>/part-<int:part>.zip", downloads.part, name="portal_export_part"),
    path("export/<slug:export>/check/<str:name>", downloads.beside, name="portal_export_check"),
]
