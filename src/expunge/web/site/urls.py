"""The addresses of the pages. None of them holds an identifier of a person."""

from __future__ import annotations

from django.urls import include, path

from expunge.web.site.portal import public
from expunge.web.site.shell import views

urlpatterns = [
    path("", views.home, name="home"),
    path("language/", views.language, name="language"),
    path("appearance/", views.appearance, name="appearance"),
    path("what-we-keep/", public.what_we_keep, name="what_we_keep"),
    path("child/", include("expunge.web.site.portal.urls")),
    path("consent/", include("expunge.web.site.portal.guardians.answer_urls")),
    path("receipt/", include("expunge.web.site.receipts.urls")),
    path("handover/", include("expunge.web.site.families.urls")),
    path("account/", include("expunge.web.site.providers.urls")),
    path("staff/", include("expunge.web.site.providers.staff_urls")),
    path("staff/", include("expunge.web.site.staff.urls")),
    path("staff/", include("expunge.web.site.staff.managing.urls")),
    path("staff/desk/", include("expunge.web.site.desk.urls")),
    path("account/", include("expunge.web.site.factors.urls")),
    path("account/", include("expunge.web.site.accounts.urls")),
]

handler400 = views.bad_request
handler403 = views.not_allowed
handler404 = views.not_found
handler429 = views.too_many
handler500 = views.broken
