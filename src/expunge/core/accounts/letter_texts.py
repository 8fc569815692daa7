"""The letters that the keeper itself sends to owners of accounts: fixed texts, in English and Spanish, with no content of any family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from html import escape


class LetterKind(StrEnum):
    """The letters."""

    ENROLMENT_CODE = "enrolment-code"
    PROVING_CODE = "proving-code"
    CHANGE_CODE = "change-code"
    CLOSING_CODE = "closing-code"
    CREDENTIAL_ADDED = "credential-added"
    CREDENTIAL_REMOVED = "credential-removed"
    COUNTER_WENT_BACK = "counter-went-back"
    ADDRESS_CHANGED = "address-changed"
    ACCOUNT_CLOSED = "account-closed"


@dataclass(frozen=True)
class LetterText:
    """One letter, without its recipient."""

    subject: str
    text: str
    html: str


ENGLISH, SPANISH = "en", "es"
_NOT_YOU = {
    ENGLISH: "If this was not you, open {site} now, end all sessions and write to {company}.",
    SPANISH: "Si no ha sido usted, abra {site} ahora, cierre todas las sesiones y escriba a {company}.",
}
_CODE = {
    ENGLISH: "It works once, for 15 minutes. Type it only at {site}. Nobody at {company} will ask you for it.",
    SPANISH: "Sirve una vez, durante 15 minutos. Escríbalo solo en {site}. Nadie de {company} se lo pedirá.",
}
_NOT_ASKED = {
    ENGLISH: "If you did not ask for a code, you can ignore this letter.",
    SPANISH: "Si no ha pedido un código, puede ignorar esta carta.",
}
_WORDS: Mapping[tuple[LetterKind, str], tuple[str, ...]] = {
    (LetterKind.ENROLMENT_CODE, ENGLISH): (
        "Your code for {company}",
        "This code shows that the address is yours, and lets you add the first passkey or code app to your account:",
        "{code}",
        _CODE[ENGLISH],
        _NOT_ASKED[ENGLISH],
    ),
    (LetterKind.ENROLMENT_CODE, SPANISH): (
        "Su código para {company}",
        "Este código demuestra que la dirección es suya y le permite añadir la primera llave de acceso o aplicación de códigos:",
        "{code}",
        _CODE[SPANISH],
        _NOT_ASKED[SPANISH],
    ),
    (LetterKind.PROVING_CODE, ENGLISH): (
        "Your code for {company}",
        "This code shows that the address is yours:",
        "{code}",
        _CODE[ENGLISH],
        _NOT_ASKED[ENGLISH],
    ),
    (LetterKind.PROVING_CODE, SPANISH): (
        "Su código para {company}",
        "Este código demuestra que la dirección es suya:",
        "{code}",
        _CODE[SPANISH],
        _NOT_ASKED[SPANISH],
    ),
    (LetterKind.CHANGE_CODE, ENGLISH): (
        "Your code to change your mail address",
        "This code changes the mail address of your account with {company}:",
        "{code}",
        _CODE[ENGLISH],
        _NOT_YOU[ENGLISH],
    ),
    (LetterKind.CHANGE_CODE, SPANISH): (
        "Su código para cambiar su dirección de correo",
        "Este código cambia la dirección de correo de su cuenta de {company}:",
        "{code}",
        _CODE[SPANISH],
        _NOT_YOU[SPANISH],
    ),
    (LetterKind.CLOSING_CODE, ENGLISH): (
        "Your code to close your account",
        "This code closes your account with {company} for good:",
        "{code}",
        _CODE[ENGLISH],
        _NOT_YOU[ENGLISH],
    ),
    (LetterKind.CLOSING_CODE, SPANISH): (
        "Su código para cerrar su cuenta",
        "Este código cierra su cuenta de {company} para siempre:",
        "{code}",
        _CODE[SPANISH],
        _NOT_YOU[SPANISH],
    ),
    (LetterKind.CREDENTIAL_ADDED, ENGLISH): (
        "A way to confirm was added to your account",
        "On {when} a passkey or code device was added to your account with {company}.",
        _NOT_YOU[ENGLISH],
    ),
    (LetterKind.CREDENTIAL_ADDED, SPANISH): (
        "Se ha añadido una forma de confirmar a su cuenta",
        "El {when} se añadió una llave de acceso o un dispositivo de códigos a su cuenta de {company}.",
        _NOT_YOU[SPANISH],
    ),
    (LetterKind.CREDENTIAL_REMOVED, ENGLISH): (
        "A way to confirm was removed from your account",
        "On {when} a passkey or code device was removed from your account with {company}.",
        _NOT_YOU[ENGLISH],
    ),
    (LetterKind.CREDENTIAL_REMOVED, SPANISH): (
        "Se ha quitado una forma de confirmar de su cuenta",
        "El {when} se quitó una llave de acceso o un dispositivo de códigos de su cuenta de {company}.",
        _NOT_YOU[SPANISH],
    ),
    (LetterKind.COUNTER_WENT_BACK, ENGLISH): (
        "A security key of yours may have been copied",
        "On {when} a security key of your {company} account was used, and its counter had gone back, as happens when a key is copied.",
        "Nothing was done with it, and it confirms nothing any more. Remove it at {site}, add another one, and write to {company}.",
    ),
    (LetterKind.COUNTER_WENT_BACK, SPANISH): (
        "Una de sus llaves de seguridad puede haber sido copiada",
        "El {when} se usó una llave de seguridad de su cuenta de {company} y su contador había retrocedido, como ocurre al copiarla.",
        "No se hizo nada con ella y ya no confirma nada. Quítela en {site}, añada otra y escriba a {company}.",
    ),
    (LetterKind.ADDRESS_CHANGED, ENGLISH): (
        "The mail address of your account was changed",
        "On {when} the mail address of your account with {company} was changed. Later letters go to the new address.",
        _NOT_YOU[ENGLISH],
    ),
    (LetterKind.ADDRESS_CHANGED, SPANISH): (
        "Se ha cambiado la dirección de correo de su cuenta",
        "El {when} se cambió la dirección de correo de su cuenta de {company}. Las próximas cartas irán a la nueva dirección.",
        _NOT_YOU[SPANISH],
    ),
    (LetterKind.ACCOUNT_CLOSED, ENGLISH): (
        "Your account is closed",
        "On {when} your account with {company} at {site} was closed. Its address, passkeys and codes are no longer kept.",
        "If this was not you, write to {company}.",
    ),
    (LetterKind.ACCOUNT_CLOSED, SPANISH): (
        "Su cuenta está cerrada",
        "El {when} se cerró su cuenta de {company} en {site}. Ya no se guardan su dirección, sus llaves de acceso ni sus códigos.",
        "Si no ha sido usted, escriba a {company}.",
    ),
}
"""Kind and language -> the subject, and the paragraphs. A paragraph that is a code alone stands out."""


_PAGE = ' style="margin:0;padding:24px 16px;background:#f6f5f1;color:#1c2925;font:17px/1.6 system-ui,sans-serif"'
_SHEET = ' style="max-width:34em;margin:0 auto;padding:28px;border:1px solid #dedcd3;border-radius:16px;background:#fff"'
_NAMED = ' style="margin:0 0 16px;font-weight:bold"'
_PLAIN = ' style="margin:0 0 16px"'
_BIG = ' style="margin:0 0 16px;padding:12px 16px;border-radius:10px;background:#e3efeb;font:600 26px/1.4 monospace;letter-spacing:.1em"'


def written(kind: LetterKind, language: str, *, company: str, site: str, when: datetime, code: str = "") -> LetterText:
    """Return a letter in a language: Spanish for ``es`` and its regions, else English.

    Args:
        kind: of the letter.
        language: a language tag, such as ``es-MX``.
        company: the name of the operator.
        site: the address of the pages.
        when: aware UTC; shown to the minute.
        code: of a letter that has one.
    """
    chosen = SPANISH if language.lower().partition("-")[0].partition("_")[0] == SPANISH else ENGLISH
    facts = {"company": company, "site": site, "when": f"{when:%Y-%m-%d %H:%M} UTC", "code": code}
    subject, *paragraphs = (words.format(**facts) for words in _WORDS[kind, chosen])
    body = "".join(f"<p{_BIG if code.isdecimal() and paragraph == code else _PLAIN}>{escape(paragraph)}</p>" for paragraph in paragraphs)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(subject)}</title>'
    named = f"<p{_NAMED}>{escape(company)}</p>"
    html = f'<!doctype html><html lang="{chosen}"><head>{head}</head><body{_PAGE}><div{_SHEET}>{named}{body}</div></body></html>'
    return LetterText(subject, "\n\n".join(paragraphs) + "\n", html)
