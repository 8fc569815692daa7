"""Addresses of the pages on which a family stops things. They name purposes and kinds of data, in the words of the map."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.portal.stopping import board, keeping, unused

urlpatterns = [
    path("stop/", board.board, name="portal_stop"),
    path("stop/<str:purpose>/", board.use, name="portal_use"),
    path("keeping/", keeping.keeping, name="portal_keeping"),
    path("keeping/<slug:word>/", keeping.kind, name="portal_keeping_kind"),
    path("unused/", unused.unused, name="portal_unused"),
]
