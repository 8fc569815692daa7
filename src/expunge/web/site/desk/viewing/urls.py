"""The addresses of a view. They name a request or a lease by its id; no recording and no person has a name in any."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.desk.viewing import ending, live, media, pages, reports

urlpatterns = [
    path("start/<slug:request_id>/", pages.start, name="desk_view_start"),
    path("give-back/<slug:request_id>/", ending.give_back, name="desk_view_give_back"),
    path("result/<slug:request_id>/", ending.result, name="desk_view_result"),
    path("<slug:lease>/", pages.view, name="desk_view"),
    path("<slug:lease>/step/", pages.step, name="desk_view_step"),
    path("<slug:lease>/segment/", media.segment, name="desk_view_segment"),
    path("<slug:lease>/film/", media.film, name="desk_view_film"),
    path("<slug:lease>/still/", media.still, name="desk_view_still"),
    path("<slug:lease>/live/", live.live, name="desk_view_live"),
    path("<slug:lease>/report/", reports.report, name="desk_view_report"),
]
