"""The addresses of the desk. None names a person or a recording: a request is named by its id of 16 hex digits."""

from __future__ import annotations

from django.urls import include, path

from expunge.web.site.desk import again, home

urlpatterns = [
    path("", home.home, name="desk_home"),
    path("orders/", include("expunge.web.site.desk.orders.urls")),
    path("again/", again.page, name="desk_again"),
    path("again/begin/", again.begin, name="desk_again_begin"),
    path("again/finish/", again.finish, name="desk_again_finish"),
    path("", include("expunge.web.site.desk.requests.urls")),
    path("", include("expunge.web.site.desk.approvals.urls")),
    path("", include("expunge.web.site.desk.findings.urls")),
    path("", include("expunge.web.site.desk.people.urls")),
    path("", include("expunge.web.site.desk.looks.urls")),
    path("incidents/", include("expunge.web.site.desk.incidents.urls")),
    path("view/", include("expunge.web.site.desk.viewing.urls")),
]
