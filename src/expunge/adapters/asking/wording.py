"""The messages that parents read: short, in plain words. The disclosure text itself is the company's own."""

from __future__ import annotations

import html

from expunge.ports.consent_method import Asking

_ENGLISH = {
    "items": "This is about: {items}.",
    "to": "It is handed to: {who}.",
    "to-none": "It is handed to nobody else.",
    "ask": "You are asked, for your child: may we use the data for this - {purpose}?",
    "ask-authority": "You are asked to confirm that you are the child's parent or guardian. You agree to no use of data by it.",
    "agree": "If you agree, open this page within {days} days and confirm: {link}",
    "silence": (
        "If you do nothing, you have not agreed, and your address is deleted after that time. "
        "We will write once more afterwards, to make sure that it was you."
    ),
    "agreed": "Some time ago a person agreed, from this address, for your child, to this: {purpose}.",
    "agreed-authority": "Some time ago a person confirmed, from this address, to be a child's parent or guardian.",
    "confirm": "If that was you, confirm it once more here: {link}",
    "not-you": "If it was not, do nothing: without this second answer nothing is used.",
    "revoke": "You can take this back at any time, as easily as you gave it: {revoke}",
    "short": "Your child's data: may we use it for this - {purpose}? Read and answer within {days} days: {link}",
    "short-authority": "Are you the parent or guardian of a child who uses our service? Read and answer within {days} days: {link}",
    "short-agreed": "Did you agree, for your child, to this - {purpose}? Confirm: {link} Not you? Do nothing. Take it back: {revoke}",
    "short-agreed-authority": "Did you say that you are a child's parent or guardian? Confirm: {link} Not you? Do nothing.",
    "subject": "A question about your child's data",
    "subject-again": "Please confirm once more, about your child's data",
    "subject-invited": "You are invited to look after a child's data",
    "invited": "You are named as parent or guardian of a child. If you are, show it on this page: {link}",
    "invited-oneself": "Soon you decide about your own data, or you do already. Take it over on this page: {link}",
    "invited-silence": "If this is a mistake, do nothing: your address is deleted after {days} days.",
    "form": "Consent of a parent",
    "form-parent": "I am the child's parent or guardian. I agree that data is used for this:",
    "form-parent-alone": "I am the child's parent or guardian.",
    "form-back": "I can take this back at any time.",
    "form-name": "Name",
    "form-date": "Date",
    "form-signature": "Signature",
    "form-number": "Please return it signed within {days} days. Number:",
}
_SPANISH = {
    "items": "Se trata de: {items}.",
    "to": "Se entrega a: {who}.",
    "to-none": "No se entrega a nadie más.",
    "ask": "Se le pregunta, en nombre de su menor: ¿podemos usar los datos para esto - {purpose}?",
    "ask-authority": "Se le pide que confirme que es padre, madre o responsable del menor. Con ello no acepta ningún uso de datos.",
    "agree": "Si acepta, abra esta página antes de {days} días y confirme: {link}",
    "silence": (
        "Si no hace nada, no ha aceptado, y su dirección se borra después de ese tiempo. "
        "Después le escribiremos otra vez, para asegurarnos de que era usted."
    ),
    "agreed": "Hace un tiempo, desde esta dirección, una persona aceptó esto en nombre de su menor: {purpose}.",
    "agreed-authority": "Hace un tiempo, desde esta dirección, una persona confirmó ser padre, madre o responsable de un menor.",
    "confirm": "Si era usted, confírmelo otra vez aquí: {link}",
    "not-you": "Si no era usted, no haga nada: sin esta segunda respuesta no se usa nada.",
    "revoke": "Puede retirarlo en cualquier momento, tan fácilmente como lo dio: {revoke}",
    "short": "Datos de su menor: ¿podemos usarlos para esto - {purpose}? Lea y responda antes de {days} días: {link}",
    "short-authority": "¿Es padre, madre o responsable de un menor que usa el servicio? Lea y responda antes de {days} días: {link}",
    "short-agreed": "¿Aceptó, por su menor, esto - {purpose}? Confirme: {link} ¿No era usted? No haga nada. Puede retirarlo: {revoke}",
    "short-agreed-authority": "¿Dijo que es padre, madre o responsable de un menor? Confirme: {link} ¿No era usted? No haga nada.",
    "subject": "Una pregunta sobre los datos de su menor",
    "subject-again": "Confirme otra vez, sobre los datos de su menor",
    "subject-invited": "Le invitan a cuidar los datos de un menor",
    "invited": "Se le nombra como padre, madre o responsable de un menor. Si lo es, demuéstrelo en esta página: {link}",
    "invited-oneself": "Pronto decidirá sobre sus propios datos, o ya decide. Hágase cargo de ellos en esta página: {link}",
    "invited-silence": "Si es un error, no haga nada: su dirección se borra a los {days} días.",
    "form": "Consentimiento de un padre o una madre",
    "form-parent": "Soy padre, madre o responsable del menor. Acepto que se usen los datos para esto:",
    "form-parent-alone": "Soy padre, madre o responsable del menor.",
    "form-back": "Puedo retirarlo en cualquier momento.",
    "form-name": "Nombre",
    "form-date": "Fecha",
    "form-signature": "Firma",
    "form-number": "Devuélvalo firmado antes de {days} días. Número:",
}


def said(language: str, name: str, **values: object) -> str:
    """Return a phrase in a language; English for one that is not Spanish."""
    return (_SPANISH if language.lower().startswith("es") else _ENGLISH)[name].format(**values)


def _notice(asking: Asking) -> str:
    """What the rule wants in a notice beside the disclosure text: which data, what for, who gets it (16 CFR 312.4(c)(1))."""
    if not asking.items:
        return ""
    who = said(asking.language, "to", who=", ".join(asking.recipients)) if asking.recipients else said(asking.language, "to-none")
    return f"{said(asking.language, 'items', items=', '.join(asking.items))} {who}"


def question(asking: Asking, link: str) -> str:
    """Return the first message."""
    ask = said(asking.language, "ask", purpose=asking.purpose) if asking.purpose else said(asking.language, "ask-authority")
    agree = said(asking.language, "agree", days=asking.expires_days, link=link)
    asked = "\n".join(part for part in (ask, _notice(asking)) if part)
    return f"{asking.disclosure.rstrip()}\n\n{asked}\n\n{agree}\n\n{said(asking.language, 'silence')}\n"


def confirmation(asking: Asking, link: str, revoke: str) -> str:
    """Return the second message, some time after the first answer."""
    agreed = said(asking.language, "agreed", purpose=asking.purpose) if asking.purpose else said(asking.language, "agreed-authority")
    parts = (
        agreed,
        said(asking.language, "confirm", link=link),
        said(asking.language, "not-you"),
        said(asking.language, "revoke", revoke=revoke),
    )
    return "\n\n".join(parts) + "\n"


def short_question(asking: Asking, link: str) -> str:
    """Return the first text message: the page shows the whole disclosure text."""
    name = "short" if asking.purpose else "short-authority"
    return said(asking.language, name, purpose=asking.purpose, days=asking.expires_days, link=link)


def short_confirmation(asking: Asking, link: str, revoke: str) -> str:
    """Return the second text message."""
    name = "short-agreed" if asking.purpose else "short-agreed-authority"
    return said(asking.language, name, purpose=asking.purpose, link=link, revoke=revoke)


def invitation(language: str, link: str, days: int, *, oneself: bool) -> str:
    """Return the message to a person who is invited."""
    asked = said(language, "invited-oneself" if oneself else "invited", link=link)
    return f"{asked}\n\n{said(language, 'invited-silence', days=days)}\n"


def form(asking: Asking) -> str:
    """Return a page to print and sign, in HTML: one sheet of A4 or Letter for a notice of usual length.

    What is signed stays together on one sheet, with the number that staff compare.
    """
    language = "es" if asking.language.lower().startswith("es") else "en"
    if asking.purpose:
        agreed = f"{said(language, 'form-parent')} <strong>{html.escape(asking.purpose)}</strong>."
    else:
        agreed = said(language, "form-parent-alone")
    title = said(language, "form")
    lines = "".join(f"<p>{said(language, f'form-{each}')}</p>" for each in ("name", "date", "signature"))
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><style>{_FORM_STYLE}</style></head>'
        f"<body><h1>{title}</h1>{_told(asking.disclosure)}"
        f'<section class="signed"><p>{agreed}</p><p>{html.escape(_notice(asking))} {said(language, "form-back")}</p>'
        f'<div class="lines">{lines}</div>'
        f"<p>{said(language, 'form-number', days=asking.expires_days)} <code>{html.escape(asking.token)}</code></p></section></body></html>"
    )


_BULLET = "- "
_FORM_STYLE = (
    "@page{margin:14mm 18mm}"
    "body{max-width:42em;margin:2em auto;padding:0 1em;font:1rem/1.4 Georgia,'Times New Roman',serif;color:#000;background:#fff}"
    "h1{font-size:1.5em;margin:0 0 .6em}h2{font-size:1em;margin:0 0 .2em}"
    "p{margin:.4em 0}ul{margin:0;padding-left:1.2em}li{margin:.1em 0}"
    ".points{columns:2 18em;column-gap:2em;margin-top:1em}.points section{break-inside:avoid;margin-bottom:.9em}"
    ".signed{border-top:1.5pt solid;margin-top:1.2em;padding-top:.6em;break-inside:avoid}"
    ".lines{display:grid;grid-template-columns:5fr 2fr 5fr;gap:1.5em;margin:3.2em 0 1em}"
    ".lines p{border-top:.75pt solid;margin:0;padding-top:.2em}"
    "code{font:bold 1.05em ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:nowrap}"
    "@media print{body{max-width:none;margin:0;padding:0;font-size:9.5pt;line-height:1.32}}"
)
"""Black on white, also where the screen is dark: what is printed is what is seen."""


def _told(disclosure: str) -> str:
    """Return the text that stands before what is signed, as HTML: paragraphs, then headings with their points in two columns."""
    parts = [part.strip() for part in disclosure.split("\n\n") if part.strip()]
    paragraphs = "".join(f"<p>{_lines(part)}</p>" for part in parts if not _has_points(part))
    points = "".join(map(_section, filter(_has_points, parts)))
    return f'{paragraphs}<div class="points">{points}</div>' if points else paragraphs


def _has_points(part: str) -> bool:
    points = part.splitlines()[1:]
    return bool(points) and all(point.startswith(_BULLET) for point in points)


def _section(part: str) -> str:
    heading, *points = part.splitlines()
    items = "".join(f"<li>{html.escape(point.removeprefix(_BULLET))}</li>" for point in points)
    return f"<section><h2>{html.escape(heading)}</h2><ul>{items}</ul></section>"


def _lines(text: str) -> str:
    return "<br>".join(html.escape(line) for line in text.splitlines())
