"""The addresses of people, training and statements."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.desk.people import own, pages

urlpatterns = [
    path("people/", pages.people, name="desk_people"),
    path("people/training/", pages.train, name="desk_train"),
    path("my-training/", own.records, name="desk_records"),
    path("my-training/<slug:purpose>/", own.statement_of, name="desk_statement"),
    path("my-training/<slug:purpose>/begin/", own.begin, name="desk_statement_begin"),
    path("my-training/<slug:purpose>/finish/", own.finish, name="desk_statement_finish"),
]
