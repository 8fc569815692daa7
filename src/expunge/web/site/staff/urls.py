"""The addresses of the pages of staff. None of them holds an identifier of a person, or a secret."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.staff import sign_in

urlpatterns = [
    path("", sign_in.home, name="staff_home"),
    path("sign-in/", sign_in.page, name="staff_sign_in"),
    path("sign-in/begin/", sign_in.begin, name="staff_sign_in_begin"),
    path("sign-in/finish/", sign_in.finish, name="staff_sign_in_finish"),
    path("sign-out/", sign_in.leave, name="staff_sign_out"),
]
