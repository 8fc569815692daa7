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
    CREDENTIAL_ADDED = "credential-added"
    CREDENTIAL_REMOVED = "credential-removed"
    COUNTER_WENT_BACK = "counter-went-back"
    ADDRESS_CHANGED = "address-changed"


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
_WORDS: Mapping[tuple[LetterKind, str], tuple[str, ...]] = {
    (LetterKind.ENROLMENT_CODE, ENGLISH): (
        "Your code for {company}",
        "Your code is {code}. It adds the first passkey or code device to your account, and works once, for 15 minutes.",
        "Type it only at {site}. Nobody at {company} will ask you for it. If you did not ask for a code, you can ignore this letter.",
    ),
    (LetterKind.ENROLMENT_CODE, SPANISH): (
        "Su código para {company}",
        "Su código es {code}. Añade a su cuenta la primera llave de acceso o dispositivo de códigos. Sirve una vez, durante 15 minutos.",
        "Escríbalo solo en {site}. Nadie de {company} se lo pedirá. Si no ha pedido un código, puede ignorar esta carta.",
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
}
"""Kind and language -> the subject, and the paragraphs."""


def written(kind: LetterKind, language: str, *, company: str, site: str, when: datetime, code: str = "") -> LetterText:
    """Return a letter in a language: Spanish for ``es`` and its regions, else English.

    Args:
        kind: of the letter.
        language: a language tag, such as ``es-MX``.
        company: the name of the operator.
        site: the address of the pages.
        when: aware UTC; shown to the minute.
        code: of :attr:`LetterKind.ENROLMENT_CODE`.
    """
    chosen = SPANISH if language.lower().partition("-")[0].partition("_")[0] == SPANISH else ENGLISH
    facts = {"company": company, "site": site, "when": f"{when:%Y-%m-%d %H:%M} UTC", "code": code}
    subject, *paragraphs = (words.format(**facts) for words in _WORDS[kind, chosen])
    body = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    html = f'<!doctype html><html lang="{chosen}"><meta charset="utf-8"><title>{escape(subject)}</title><body>{body}</body></html>'
    return LetterText(subject, "\n\n".join(paragraphs) + "\n", html)
