"""The letters about steps of an order: they name no child, no order and no content, and lead to the pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from expunge.core.accounts.letter_texts import ENGLISH, SPANISH, LetterText, laid_out, language_of
from expunge.core.journal.notice_events import NoticeKind

_READ = {
    ENGLISH: "This letter says nothing more, so that no other reader of your mail learns more. Log in to read it:",
    SPANISH: "Esta carta no dice nada más, para que nadie que lea su correo sepa más. Entre para leerlo:",
}
_LINK = "{site}"
_WORDS: Mapping[tuple[NoticeKind, str], tuple[str, str]] = {
    (NoticeKind.RECEIVED, ENGLISH): (
        "{company} has received a request",
        "On {when} a request about data in your care came in. You can see what happens next, and by when.",
    ),
    (NoticeKind.RECEIVED, SPANISH): (
        "{company} ha recibido una solicitud",
        "El {when} llegó una solicitud sobre datos a su cargo. Puede ver qué pasa ahora y hasta cuándo.",
    ),
    (NoticeKind.NEEDS_YOU, ENGLISH): (
        "{company} needs an answer from you",
        "On {when} {company} asked you something about a request. It cannot go on before you answer.",
    ),
    (NoticeKind.NEEDS_YOU, SPANISH): (
        "{company} necesita una respuesta suya",
        "El {when} {company} le preguntó algo sobre una solicitud. No puede seguir hasta que usted conteste.",
    ),
    (NoticeKind.ANSWERED, ENGLISH): (
        "{company} has written to you",
        "On {when} {company} wrote to you about a request.",
    ),
    (NoticeKind.ANSWERED, SPANISH): (
        "{company} le ha escrito",
        "El {when} {company} le escribió sobre una solicitud.",
    ),
    (NoticeKind.EXTENDED, ENGLISH): (
        "A request takes longer",
        "On {when} {company} took more time for a request. You can read why, and the new date.",
    ),
    (NoticeKind.EXTENDED, SPANISH): (
        "Una solicitud tarda más",
        "El {when} {company} tomó más tiempo para una solicitud. Puede leer por qué, y la nueva fecha.",
    ),
    (NoticeKind.DONE, ENGLISH): (
        "A request is done",
        "On {when} {company} finished a request. Your receipt is ready. Any person can check it without {company}.",
    ),
    (NoticeKind.DONE, SPANISH): (
        "Una solicitud está terminada",
        "El {when} {company} terminó una solicitud. Su recibo está listo. Cualquier persona puede comprobarlo sin {company}.",
    ),
    (NoticeKind.IN_PART, ENGLISH): (
        "A request is done in part",
        "On {when} {company} ended a request in part. You can read what is erased, what is kept and why, and you can appeal.",
    ),
    (NoticeKind.IN_PART, SPANISH): (
        "Una solicitud está hecha en parte",
        "El {when} {company} terminó una parte de una solicitud. Puede leer qué se borró, qué se conserva y por qué, y puede reclamar.",
    ),
    (NoticeKind.CANCELLED, ENGLISH): (
        "A request was stopped",
        "On {when} a request was stopped before anything was erased. You can read why, and you can appeal.",
    ),
    (NoticeKind.CANCELLED, SPANISH): (
        "Se ha detenido una solicitud",
        "El {when} se detuvo una solicitud antes de borrar nada. Puede leer por qué, y puede reclamar.",
    ),
    (NoticeKind.CAME_BACK, ENGLISH): (
        "Erased data was found again",
        "On {when} {company} found data that had been erased before. It is erased again, and you will get a new receipt.",
    ),
    (NoticeKind.CAME_BACK, SPANISH): (
        "Se han vuelto a encontrar datos borrados",
        "El {when} {company} encontró datos que ya se habían borrado. Se borran otra vez, y usted recibirá un nuevo recibo.",
    ),
    (NoticeKind.REVIEW_WAITS, ENGLISH): (
        "A person of {company} asks to look at a recording",
        "On {when} a person of {company} asked to look at a recording of yours. Allow it, deny it, or wait: no answer is a no.",
    ),
    (NoticeKind.REVIEW_WAITS, SPANISH): (
        "Una persona de {company} pide mirar una grabación",
        "El {when} una persona de {company} pidió mirar una grabación suya. Permítalo, niéguelo o espere: no responder es un no.",
    ),
    (NoticeKind.SEEN_BY_STAFF, ENGLISH): (
        "A person of {company} looked at a recording",
        "On {when} a person of {company} began to look at a recording of yours. You can read who agreed to it, why, and for how long.",
    ),
    (NoticeKind.SEEN_BY_STAFF, SPANISH): (
        "Una persona de {company} miró una grabación",
        "El {when} una persona de {company} empezó a mirar una grabación suya. Puede leer quién lo aprobó, por qué y cuánto duró.",
    ),
    (NoticeKind.EMERGENCY_VIEW, ENGLISH): (
        "A person of {company} looked at a recording in an emergency",
        "On {when} a person of {company} looked at a recording of yours before another agreed. Another person judges it within 24 hours.",
    ),
    (NoticeKind.EMERGENCY_VIEW, SPANISH): (
        "Una persona de {company} miró una grabación en una emergencia",
        "El {when} una persona de {company} miró una grabación suya antes de que otra lo aprobara. Otra persona lo juzga en 24 horas.",
    ),
}
"""Kind and language -> subject and text."""


def notice_letter(kind: NoticeKind, language: str, *, company: str, site: str, when: datetime) -> LetterText:
    """Return the letter about a step of an order.

    Args:
        kind: of the step.
        language: a language tag, such as ``es-MX``.
        company: the name of the operator.
        site: the address of the pages.
        when: of the step, aware UTC; shown to the minute.
    """
    chosen = language_of(language)
    facts = {"company": company, "site": site, "when": f"{when:%Y-%m-%d %H:%M} UTC"}
    subject, text = (words.format(**facts) for words in _WORDS[kind, chosen])
    return laid_out(subject, (text, _READ[chosen], _LINK.format(**facts)), chosen, company, site)
