"""What the recording of a lease is, and which part of it is shown. It is asked for once: each question is entered as a view."""

from __future__ import annotations

import threading
from collections import OrderedDict

from expunge.core.review.rendition import FormKind, MediaForm
from expunge.ports.review.desk_door import DeskCaller, LeaseCard, RequestCard
from expunge.web.site.desk.seating import desk

_MOST = 256
_GUARD = threading.Lock()
_FORMS: OrderedDict[tuple[str, bytes, str], MediaForm] = OrderedDict()
"""(account, web session, lease) -> form. What was answered to one browser is told to no other one."""


def form_of(who: DeskCaller, lease: str) -> MediaForm:
    """Return what can be rendered of the recording of a lease. Raises as :meth:`expunge.ports.review.desk_door.DeskDoor.describe`."""
    key = (who.account, who.session, lease)
    with _GUARD:
        found = _FORMS.get(key)
    if found is None:
        found = desk().describe(who, lease)
        with _GUARD:
            _FORMS[key] = found
            while len(_FORMS) > _MOST:
                _FORMS.popitem(last=False)
    return found


def shown_range(who: DeskCaller, lease: LeaseCard, request: RequestCard) -> tuple[int, int]:
    """Return the first millisecond that is shown, and the one before which it ends: the request's, as far as there is a recording."""
    form = form_of(who, lease.lease)
    if form.kind is FormKind.PICTURE:
        return request.first_ms, request.last_ms
    return request.first_ms, min(request.last_ms, form.length_ms)
