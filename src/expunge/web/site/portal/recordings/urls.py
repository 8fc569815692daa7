"""Addresses of the pages of recordings, below that of a family. A handle is of one session, and names no recording."""

from __future__ import annotations

from django.urls import path
from django.utils.translation import gettext_lazy

from expunge.web.site.portal import deleting
from expunge.web.site.portal.recordings import choosing, looked, media, timeline

choosing.offer(choosing.ChosenAct("erase", gettext_lazy("Erase these"), deleting.begin, "erase", danger=True))

urlpatterns = [
    path("timeline/", timeline.timeline, name="portal_timeline"),
    path("timeline/choose/", timeline.choose, name="portal_choose"),
    path("play/<slug:handle>/", timeline.recording, name="portal_play"),
    path("media/<slug:handle>/", media.media, name="portal_media"),
    path("sketch/<slug:handle>/", media.sketch, name="portal_sketch"),
    path("looked/", looked.looked, name="portal_looked"),
]
