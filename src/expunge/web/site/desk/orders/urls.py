"""The addresses of orders for staff. An order is named by its random id, which is no person's."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.desk.orders import approving, pages

urlpatterns = [
    path("", pages.listed, name="desk_orders"),
    path("<slug:order>/", pages.order, name="desk_order"),
    path("<slug:order>/sign/", approving.begin, name="desk_order_sign"),
    path("<slug:order>/signed/", approving.finish, name="desk_order_signed"),
    path("<slug:order>/receipt/<int:number>/", pages.receipt, name="desk_order_receipt"),
    path("<slug:order>/receipt/<int:number>/folder/", pages.folder, name="desk_order_folder"),
]
