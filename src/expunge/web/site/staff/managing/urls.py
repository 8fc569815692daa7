"""The addresses of the pages on which employees manage people and rights. A label names a desk, and no person."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.staff.managing import attempts, deciding, forms_checked, people, still

urlpatterns = [
    path("still/<str:right>/", still.still, name="staff_still"),
    path("people/", people.people, name="staff_people"),
    path("people/<str:which>/", people.person, name="staff_person"),
    path("people/<str:which>/<slug:kind>/", deciding.decide, name="staff_decide"),
    path("people/<str:which>/<slug:function>/<slug:kind>/", deciding.decide, name="staff_decide_function"),
    path("invite/", deciding.invite, name="staff_invite"),
    path("decide/begin/", deciding.begin, name="staff_decide_begin"),
    path("decide/finish/", deciding.finish, name="staff_decide_finish"),
    path("review/", people.review, name="staff_review"),
    path("forms/", forms_checked.waiting, name="staff_forms"),
    path("forms/<slug:asked>/", forms_checked.form, name="staff_form"),
    path("forms/<slug:asked>/scan/", forms_checked.scan, name="staff_form_scan"),
    path("forms/<slug:asked>/begin/", forms_checked.begin, name="staff_form_begin"),
    path("forms/<slug:asked>/finish/", forms_checked.finish, name="staff_form_finish"),
    path("attempts/", attempts.attempts, name="staff_attempts"),
    path("attempts/<int:number>/", attempts.incident, name="staff_incident"),
]
