"""The letters that the keeper itself sends to owners of accounts: fixed texts, in English and Spanish, with no content of any family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    CREDENTIAL_WAITS = "credential-waits"
    """As the one before, with the time before which it confirms nothing."""
    FIRST_CREDENTIAL_WAITS = "first-credential-waits"
    CREDENTIAL_REMOVED = "credential-removed"
    COUNTER_WENT_BACK = "counter-went-back"
    ADDRESS_CHANGED = "address-changed"
    ACCOUNT_CLOSED = "account-closed"
    MEMBERSHIP_CHANGED = "membership-changed"
    GUARDIAN_ADDED = "guardian-added"
    """To the guardians that a family had before."""
    RECOVERY_CODE = "recovery-code"
    RECOVERY_BEGUN = "recovery-begun"
    RECOVERY_NEAR = "recovery-near"
    RECOVERY_STOPPED = "recovery-stopped"
    RECOVERY_FINISHED = "recovery-finished"
    GUARDIAN_RECOVERED = "guardian-recovered"
    """To the other guardians of a family."""
    LOCATION_REMINDER = "location-reminder"
    """To each member of a family whose whereabouts are collected, every six months."""
    GUARDIAN_PROVEN = "guardian-proven"
    """To the other guardians: a person has shown by a consent method that they are one."""
    GUARDIAN_LEFT = "guardian-left"
    DISPUTE_BEGUN = "dispute-begun"
    COPY_READY = "copy-ready"
    """To the account that asked for a copy, with the time until which it waits."""
    CAME_OF_AGE = "came-of-age"
    """To the guardians that were, on the day from which the young person decides alone."""


@dataclass(frozen=True)
class LetterText:
    """One letter, without its recipient."""

    subject: str
    text: str
    html: str


ENGLISH, SPANISH = "en", "es"
_NOT_YOU = {
    ENGLISH: "If this was not you, open {site} now, log out all other devices and write to {company}.",
    SPANISH: "Si no ha sido usted, abra {site} ahora, cierre la sesión en los demás dispositivos y escriba a {company}.",
}
_ANOTHER_LETTER = {
    ENGLISH: "Another letter then says that it was removed. If none comes within an hour, it was not: tell {company}, by another way.",
    SPANISH: "Otra carta le dirá entonces que se quitó. Si no llega en una hora, no se quitó: avise a {company} por otro medio.",
}
"""Why: the page is of the web process, and the letter is not."""
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
        "On {when} a passkey or code app was added to your account with {company}.",
        _NOT_YOU[ENGLISH],
    ),
    (LetterKind.CREDENTIAL_ADDED, SPANISH): (
        "Se ha añadido una forma de confirmar a su cuenta",
        "El {when} se añadió una llave de acceso o una aplicación de códigos a su cuenta de {company}.",
        _NOT_YOU[SPANISH],
    ),
    (LetterKind.CREDENTIAL_WAITS, ENGLISH): (
        "A way to confirm was added to your account",
        "A passkey or code app was added to your {company} account. It logs in now, and confirms nothing before {when}.",
        "If that was not you, open this page and press “Remove it”:",
        "{code}",
        _ANOTHER_LETTER[ENGLISH],
        _NOT_YOU[ENGLISH],
    ),
    (LetterKind.CREDENTIAL_WAITS, SPANISH): (
        "Se ha añadido una forma de confirmar a su cuenta",
        (
            "Se añadió una llave de acceso o una aplicación de códigos a su cuenta de {company}. "
            "Ya permite entrar, y no confirma nada antes del {when}."
        ),
        "Si no ha sido usted, abra esta página y pulse «Quitarla»:",
        "{code}",
        _ANOTHER_LETTER[SPANISH],
        _NOT_YOU[SPANISH],
    ),
    (LetterKind.FIRST_CREDENTIAL_WAITS, ENGLISH): (
        "A way to confirm was added to your account",
        (
            "A passkey or code app was added to your {company} account, which had none. "
            "Before {when} your account shows, exports and deletes nothing of a family."
        ),
        "If that was not you, open this page and press “Remove it”:",
        "{code}",
        _ANOTHER_LETTER[ENGLISH],
        _NOT_YOU[ENGLISH],
    ),
    (LetterKind.FIRST_CREDENTIAL_WAITS, SPANISH): (
        "Se ha añadido una forma de confirmar a su cuenta",
        (
            "Se añadió una llave de acceso o una aplicación de códigos a su cuenta de {company}, que no tenía ninguna. "
            "Antes del {when} su cuenta no muestra, exporta ni borra nada de una familia."
        ),
        "Si no ha sido usted, abra esta página y pulse «Quitarla»:",
        "{code}",
        _ANOTHER_LETTER[SPANISH],
        _NOT_YOU[SPANISH],
    ),
    (LetterKind.CREDENTIAL_REMOVED, ENGLISH): (
        "A way to confirm was removed from your account",
        "On {when} a passkey or code app was removed from your account with {company}.",
        _NOT_YOU[ENGLISH],
    ),
    (LetterKind.CREDENTIAL_REMOVED, SPANISH): (
        "Se ha quitado una forma de confirmar de su cuenta",
        "El {when} se quitó una llave de acceso o una aplicación de códigos de su cuenta de {company}.",
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
    (LetterKind.MEMBERSHIP_CHANGED, ENGLISH): (
        "Your families at {company} were changed",
        "On {when} your account with {company} was connected to a child or to your own data, or such a connection was ended.",
        _NOT_YOU[ENGLISH],
    ),
    (LetterKind.MEMBERSHIP_CHANGED, SPANISH): (
        "Se han cambiado sus familias en {company}",
        "El {when} su cuenta de {company} se conectó con un menor o con sus propios datos, o se terminó una conexión así.",
        _NOT_YOU[SPANISH],
    ),
    (LetterKind.GUARDIAN_ADDED, ENGLISH): (
        "Another person is guardian of your child at {company}",
        "On {when} another account with {company} became guardian of a child that you are guardian of. {company} itself said so.",
        "If you do not expect this, write to {company} now. Only {company} can end it. Your own account is at {site}.",
    ),
    (LetterKind.GUARDIAN_ADDED, SPANISH): (
        "Otra persona es responsable de su menor en {company}",
        "El {when} otra cuenta de {company} pasó a ser responsable de un menor a su cargo. Lo ha dicho la propia {company}.",
        "Si no lo espera, escriba ahora a {company}. Solo {company} puede terminarlo. Su cuenta está en {site}.",
    ),
    (LetterKind.RECOVERY_CODE, ENGLISH): (
        "Your code to get back into {company}",
        "This code gets you back into your account with {company} without a passkey or code app:",
        "{code}",
        _CODE[ENGLISH],
        _NOT_ASKED[ENGLISH],
    ),
    (LetterKind.RECOVERY_CODE, SPANISH): (
        "Su código para volver a entrar en {company}",
        "Con este código vuelve a su cuenta de {company} sin llave de acceso ni aplicación de códigos:",
        "{code}",
        _CODE[SPANISH],
        _NOT_ASKED[SPANISH],
    ),
    (LetterKind.RECOVERY_BEGUN, ENGLISH): (
        "A person wants to get back into your account",
        (
            "A person who can read your mail wants to get into your {company} account without your passkey or code app. "
            "They can do so after {when}. Until then nothing of your account is shown or exported."
        ),
        "If that is not you, open this page and press “Stop it”:",
        "{code}",
        "Confirming anything with your passkey or code app stops it too. If it was not you, change the password of your mailbox.",
    ),
    (LetterKind.RECOVERY_BEGUN, SPANISH): (
        "Una persona quiere volver a entrar en su cuenta",
        (
            "Una persona que puede leer su correo quiere entrar en su cuenta de {company} sin llave de acceso ni aplicación de códigos. "
            "Podrá hacerlo después del {when}. Hasta entonces no se muestra ni se exporta nada de su cuenta."
        ),
        "Si no es usted, abra esta página y pulse «Detener»:",
        "{code}",
        "También se detiene al confirmar algo con su llave de acceso o su dispositivo. Si no fue usted, cambie la contraseña de su correo.",
    ),
    (LetterKind.RECOVERY_NEAR, ENGLISH): (
        "Tomorrow a person can get back into your account",
        (
            "A person who can read your mail wants to get into your {company} account without your passkey or code app. "
            "They can do so after {when}, in less than a day."
        ),
        "If that is not you, open this page and press “Stop it”:",
        "{code}",
    ),
    (LetterKind.RECOVERY_NEAR, SPANISH): (
        "Mañana una persona podrá volver a entrar en su cuenta",
        (
            "Una persona que puede leer su correo quiere entrar en su cuenta de {company} sin llave de acceso ni aplicación de códigos. "
            "Podrá hacerlo después del {when}, en menos de un día."
        ),
        "Si no es usted, abra esta página y pulse «Detener»:",
        "{code}",
    ),
    (LetterKind.RECOVERY_STOPPED, ENGLISH): (
        "The recovery of your account was stopped",
        "On {when} the recovery of your {company} account was stopped. Your account at {site} is as it was.",
        "If you did not begin it, a person can read your mail: change the password of your mailbox now.",
    ),
    (LetterKind.RECOVERY_STOPPED, SPANISH): (
        "Se ha detenido la recuperación de su cuenta",
        "El {when} se detuvo la recuperación de su cuenta de {company}. Su cuenta en {site} está como antes.",
        "Si no la empezó usted, una persona puede leer su correo: cambie ahora la contraseña de su correo.",
    ),
    (LetterKind.RECOVERY_FINISHED, ENGLISH): (
        "You are back in your account",
        (
            "The old passkeys and code apps of your {company} account are removed, and a new one can be added. "
            "Until {when} your account shows, exports and deletes nothing of a family: you have that long to say that it was not you."
        ),
        "If this was not you, write to {company} now. Your account is at {site}.",
    ),
    (LetterKind.RECOVERY_FINISHED, SPANISH): (
        "Ha vuelto a su cuenta",
        (
            "Se han quitado las llaves de acceso y las aplicaciones de códigos de su cuenta de {company}, y puede añadir otras. "
            "Hasta el {when} su cuenta no muestra, exporta ni borra nada de una familia: tiene ese tiempo para decir que no fue usted."
        ),
        "Si no ha sido usted, escriba ahora a {company}. Su cuenta está en {site}.",
    ),
    (LetterKind.GUARDIAN_RECOVERED, ENGLISH): (
        "Another guardian got back into their account",
        (
            "Another guardian of a child of yours got back into their {company} account without a passkey or code app. "
            "Until {when} that account shows, exports and deletes nothing of the family."
        ),
        "Ask them whether it was them. If it was not, write to {company} now. Your own account is at {site}.",
    ),
    (LetterKind.GUARDIAN_RECOVERED, SPANISH): (
        "Otra persona responsable ha vuelto a su cuenta",
        (
            "Otra persona responsable de un menor suyo ha vuelto a su cuenta de {company} sin llave de acceso ni aplicación de códigos. "
            "Hasta el {when} esa cuenta no muestra, exporta ni borra nada de la familia."
        ),
        "Pregúntele si fue ella. Si no fue así, escriba ahora a {company}. Su cuenta está en {site}.",
    ),
    (LetterKind.LOCATION_REMINDER, ENGLISH): (
        "A reminder: {company} collects places",
        "{company} collects where a device in your care is. It was still so on {when}. Nothing changes by this letter.",
        "Log in at {site} to see the places, to delete them or to switch this off. To switch it off costs nothing.",
        "{company} sends this reminder every six months, for as long as it collects places.",
    ),
    (LetterKind.LOCATION_REMINDER, SPANISH): (
        "Un recordatorio: {company} recoge lugares",
        "{company} recoge dónde está un dispositivo a su cargo. Seguía siendo así el {when}. Esta carta no cambia nada.",
        "Entre en {site} para ver los lugares, borrarlos o desactivarlo. Desactivarlo no cuesta nada.",
        "{company} envía este recordatorio cada seis meses, mientras recoja lugares.",
    ),
    (LetterKind.COPY_READY, ENGLISH): (
        "Your copy is ready at {company}",
        "The copy that was asked for with your account is ready. It can be downloaded until {when}, and is then destroyed.",
        "Log in at {site} and open “A copy of the data” to download it.",
        _NOT_YOU[ENGLISH],
    ),
    (LetterKind.COPY_READY, SPANISH): (
        "Su copia está lista en {company}",
        "La copia que se pidió con su cuenta está lista. Se puede descargar hasta el {when}, y después se destruye.",
        "Entre en {site} y abra «Una copia de los datos» para descargarla.",
        _NOT_YOU[SPANISH],
    ),
    (LetterKind.GUARDIAN_PROVEN, ENGLISH): (
        "Another person is guardian of your child at {company}",
        "On {when} another person showed {company} that they are guardian of a child that you are guardian of.",
        "You see how under “Guardians” at {site}. If it is wrong, say there that you dispute it: nothing is deleted or exported then.",
    ),
    (LetterKind.GUARDIAN_PROVEN, SPANISH): (
        "Otra persona es responsable de su menor en {company}",
        "El {when} otra persona demostró a {company} que es responsable de un menor a su cargo.",
        "Vea cómo en «Responsables», en {site}. Si no es así, diga allí que lo disputa: entonces no se borra ni se exporta nada.",
    ),
    (LetterKind.GUARDIAN_LEFT, ENGLISH): (
        "A guardian of your child stepped down at {company}",
        "On {when} another guardian of a child of yours gave that role up at {company}. You are still guardian.",
        "You see who is guardian at {site}.",
    ),
    (LetterKind.GUARDIAN_LEFT, SPANISH): (
        "Una persona responsable de su menor lo ha dejado en {company}",
        "El {when} otra persona responsable de un menor suyo dejó de serlo en {company}. Usted sigue siéndolo.",
        "Vea quién es responsable en {site}.",
    ),
    (LetterKind.DISPUTE_BEGUN, ENGLISH): (
        "A guardian disputes decisions about your child at {company}",
        (
            "On {when} a guardian of a child said that guardians do not agree. "
            "Nothing of the child is used, deleted or exported until {company} ends it."
        ),
        "Write to {company} what is right. You see how it stands at {site}.",
    ),
    (LetterKind.DISPUTE_BEGUN, SPANISH): (
        "Una persona responsable disputa decisiones sobre su menor en {company}",
        (
            "El {when} una persona responsable dijo que no hay acuerdo. "
            "No se usa, borra ni exporta nada del menor hasta que {company} lo termine."
        ),
        "Escriba a {company} qué es lo correcto. Vea cómo está en {site}.",
    ),
    (LetterKind.CAME_OF_AGE, ENGLISH): (
        "A young person decides alone now at {company}",
        "On {when} a young person that you were guardian of came of age for {company}. You are guardian no more, and they decide alone.",
        "What you agreed to holds no more. Your own account is at {site}.",
    ),
    (LetterKind.CAME_OF_AGE, SPANISH): (
        "Una persona joven decide por sí misma en {company}",
        "El {when} una persona joven a su cargo alcanzó la edad para decidir por sí misma en {company}. Usted ya no es responsable.",
        "Lo que usted aceptó ya no vale. Su cuenta está en {site}.",
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
        when: of what it tells, aware UTC; shown to the minute.
        code: the code that it brings, or the address of the page that stops a recovery or what was added.
    """
    chosen = language_of(language)
    facts = {"company": company, "site": site, "when": f"{when:%Y-%m-%d %H:%M} UTC", "code": code}
    subject, *paragraphs = (words.format(**facts) for words in _WORDS[kind, chosen])
    return laid_out(subject, paragraphs, chosen, company, code)


def language_of(language: str) -> str:
    """Return the language of a letter to a reader of a language tag: Spanish for ``es`` and its regions, else English."""
    return SPANISH if language.lower().partition("-")[0].partition("_")[0] == SPANISH else ENGLISH


def laid_out(subject: str, paragraphs: Sequence[str], chosen: str, company: str, code: str = "") -> LetterText:
    """Return a letter of a subject and paragraphs, as text and as HTML.

    Args:
        subject: of the mail.
        paragraphs: plain text.
        chosen: of :func:`language_of`.
        company: the name of the operator, above all.
        code: a paragraph that is this alone stands out, as a code or a link.
    """
    body = "".join(_paragraph(paragraph, code) for paragraph in paragraphs)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(subject)}</title>'
    named = f"<p{_NAMED}>{escape(company)}</p>"
    html = f'<!doctype html><html lang="{chosen}"><head>{head}</head><body{_PAGE}><div{_SHEET}>{named}{body}</div></body></html>'
    return LetterText(subject, "\n\n".join(paragraphs) + "\n", html)


def _paragraph(text: str, code: str) -> str:
    if text != code:
        return f"<p{_PLAIN}>{escape(text)}</p>"
    if code.isdecimal():
        return f"<p{_BIG}>{escape(code)}</p>"
    return f'<p{_PLAIN}><a href="{escape(code)}" style="color:#1c5c4b">{escape(code)}</a></p>'
