"""The addresses of the pages of staff. None of them holds an identifier of a person, or a secret."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.staff import enrolment, security, sign_in

urlpatterns = [
    path("", sign_in.home, name="staff_home"),
    path("sign-in/", sign_in.page, name="staff_sign_in"),
    path("sign-in/begin/", sign_in.begin, name="staff_sign_in_begin"),
    path("sign-in/finish/", sign_in.finish, name="staff_sign_in_finish"),
    path("sign-out/", sign_in.leave, name="staff_sign_out"),
    path("enrol/", enrolment.page, name="staff_enrol"),
    path("enrol/prove/", enrolment.prove, name="staff_enrol_prove"),
    path("enrol/finish/", enrolment.finish, name="staff_enrol_finish"),
    path("security/", security.page, name="staff_security"),
    path("security/add/", security.begin_adding, name="staff_adding"),
    path("security/add/confirmed/", security.adding_confirmed, name="staff_adding_confirmed"),
    path("security/add/finish/", security.finish_adding, name="staff_adding_finish"),
    path("security/remove/", security.begin_removing, name="staff_removing"),
    path("security/remove/confirmed/", security.removing_confirmed, name="staff_removing_confirmed"),
    path("security/sessions/", security.end_sessions, name="staff_sessions"),
]
