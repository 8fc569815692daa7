"""A tag of the templates: the note that a profile is not used, for any page of a family."""

from __future__ import annotations

from typing import Any

from django import template

from expunge.errors import NotResolved
from expunge.web.site.portal.member import Member, clerk

register = template.Library()


@register.inclusion_tag("portal/stopping/unused_note.html", takes_context=True)
def unused_note(context: dict[str, Any]) -> dict[str, Any]:
    """Render the note, with a link to the page of the notice; nothing while the profile is used, kept or gone.

    It takes a request to the clerk, which reads the register of unused profiles.
    """
    member: Member = context["member"]
    try:
        notice = clerk().stopping.idle(member.account, member.family)
    except NotResolved:
        notice = None
    return {"member": member, "notice": notice if notice is not None and notice.waits else None}
