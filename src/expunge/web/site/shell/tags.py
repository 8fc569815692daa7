"""Tags of the templates: fields and their problems, addresses of files, names of devices, mail as HTML."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.forms import BaseForm, BoundField
from django.template.loader import get_template
from django.utils.html import escape, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince
from django.utils.translation import gettext, gettext_noop

from expunge import clock
from expunge.web.site.shell.assets import asset_url
from expunge.web.site.shell.devices import device_name
from expunge.web.site.shell.icons import icon

register = template.Library()
register.simple_tag(asset_url, name="asset")
register.simple_tag(icon)
register.filter("device", device_name)

_CODE = re.compile(r"[A-Z0-9]{3,4}(?:-[A-Z0-9]{3,4})+|[A-Z0-9]{6,8}")
# Labels that Django makes of a field's name, where a library gives the field none.
_LABELS = (gettext_noop("Name"), gettext_noop("Recipient"))
_EMAIL = {"autocapitalize": "none", "spellcheck": "false", "inputmode": "email"}
_ONE_TIME = {"autocapitalize": "characters", "spellcheck": "false", "autocorrect": "off"}


@register.filter
def ago(moment: datetime) -> str:
    """Return how long ago something was, such as *3 hours ago*."""
    if clock.now() - moment < timedelta(minutes=1):
        return gettext("a moment ago")
    return gettext("%(time)s ago") % {"time": timesince(moment)}


@register.inclusion_tag("shell/fields.html")
def fields(form: BaseForm, problems: bool = True) -> dict[str, Any]:
    """Render a form's problems, unless the page has them further up, and its fields: labels above, help and problems tied to each."""
    return {"form": form, "fields": [_shown(field) for field in form.visible_fields()], "with_problems": problems}


@register.inclusion_tag("shell/field.html")
def one_field(field: BoundField) -> dict[str, Any]:
    """Render one field of a form whose others a page renders by itself."""
    return {"field": _shown(field)}


@register.inclusion_tag("shell/problems.html")
def problems(form: BaseForm) -> dict[str, Any]:
    """Render what is wrong with a form, with links to the fields."""
    return {"form": form, "fields": [field for field in map(_shown, form.visible_fields()) if field["problems"]]}


def _shown(field: BoundField) -> dict[str, Any]:
    identity = field.id_for_label or field.auto_id
    described = [f"{identity}_{part}" for part, there in (("helptext", field.help_text), ("error", field.errors)) if there]
    kind = field.widget_type
    attributes: dict[str, Any] = {"placeholder": False, "aria-describedby": " ".join(described) or False}
    if field.errors:
        attributes["aria-invalid"] = "true"
    autocomplete = field.field.widget.attrs.get("autocomplete")
    if autocomplete == "email":
        attributes |= _EMAIL
        # Password managers look for a user name beside a password, whatever it looks like.
        if {"password", "password1"} & set(field.form.fields):
            attributes["autocomplete"] = "username"
    elif autocomplete == "one-time-code":
        attributes |= _ONE_TIME
    return {
        "id": identity,
        "label": gettext(str(field.label)) if field.field.label is None else field.label,
        "help": field.help_text,
        "problems": list(field.errors),
        "widget": field.as_widget(attrs=attributes),
        "kind": kind,
        "code": autocomplete == "one-time-code",
    }


@register.simple_tag(takes_context=True)
def text_of(context: template.Context, name: str) -> SafeString:
    """Render the words of a mail's text as HTML: paragraphs, lists, and a code large enough to copy."""
    found: Any = get_template(name)
    text = found.template.render(template.Context({**context.flatten(), "words_alone": True}))
    return mark_safe("\n".join(_block(block.strip()) for block in re.split(r"\n\s*\n", text) if block.strip()))  # noqa: S308 - escaped in _block


def _block(block: str) -> str:
    lines = [line.strip() for line in block.splitlines()]
    if all(line.startswith("- ") for line in lines):
        return "<ul>{}</ul>".format(format_html_join("", "<li>{}</li>", ((line[2:],) for line in lines)))
    if _CODE.fullmatch(block):
        return f'<p class="code">{escape(block)}</p>'
    return f"<p>{escape(' '.join(lines))}</p>"
