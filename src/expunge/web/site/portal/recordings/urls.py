"""Addresses of the pages of recordings, below that of a family. A handle is of one session, and names no recording."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.portal.recordings import looked, media, timeline

urlpatterns = [
    path("timeline/", timeline.timeline, name="portal_timeline"),
    path("timeline/choose/", timeline.choose, name="portal_choose"),
    path("play/<slug:handle>/", timeline.recording, name="portal_play"),
    path("media/<slug:handle>/", media.media, name="portal_media"),
    path("sketch/<slug:handle>/", media.sketch, name="portal_sketch"),
    path("looked/", looked.looked, name="portal_looked"),
]
