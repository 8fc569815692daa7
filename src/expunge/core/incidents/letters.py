"""Drafts of the letters about an incident: the report for the authority, and the notice to the people who are affected.

A draft is never signed or sent here. It has dates, numbers and words of closed lists; what only people know stands in square brackets.
Neither letter names a person, an account or a reviewer.

Source: Ring order VII asks for dates, facts with cause and scope, types of information, the number of consumers, remedies, and copies of
notices (RNG-29).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

from expunge.core.disgorgement.sworn_statement import PERJURY, UNSIGNED, WORDING
from expunge.core.journal.incident_events import IncidentFact, IncidentKind, IncidentStated, IncidentWord


class LetterTo(StrEnum):
    """For whom a letter is."""

    AUTHORITY = "authority"
    PEOPLE = "people"


@dataclass(frozen=True)
class LetterMatter:
    """What a letter is made from."""

    incident: str
    company: str
    kind: IncidentKind
    began: datetime
    ended: datetime
    discovered: datetime
    what: tuple[IncidentWord, ...]
    accounts: int
    people: int
    could_not: tuple[str, ...]
    digest: str
    """Of the list of accounts."""
    counted: datetime
    facts: tuple[IncidentStated, ...]
    due: tuple[str, ...]
    """What is owed, with dates."""


_WHAT_HAPPENED: Mapping[IncidentKind, str] = MappingProxyType(
    {
        IncidentKind.VIEWS: "A member of staff saw recordings of customers without need.",
        IncidentKind.OPENINGS: "A program, or an account of an operating system, opened recordings of customers without need.",
        IncidentKind.TAKEOVER: "Strangers came into accounts of customers.",
        IncidentKind.COPY: "A copy, a backup or a device with data of customers was lost or taken.",
        IncidentKind.EXPOSURE: "Strangers could reach data of customers.",
    }
)
_REMEDIES = (
    IncidentFact.ENDED,
    IncidentFact.COMPLETED,
    IncidentFact.ASSESSED,
    IncidentFact.TESTED,
    IncidentFact.PRODUCTS_TESTED,
)
_TOLD = (IncidentFact.GOVERNMENT_TOLD, IncidentFact.NO_NOTICE, IncidentFact.PEOPLE_TOLD)


def report(matter: LetterMatter, made: datetime) -> str:
    """Return the draft of the report for the authority, as Markdown."""
    count = f"{matter.accounts} accounts, with recordings or families of {matter.people} people"
    number = f"{count}. Each account counts once."
    if matter.could_not:
        least = f"At least {count}" if matter.accounts else "The number could not be told"
        number = f"{least}: {'; '.join(matter.could_not)}."
    lines = [
        f"# Report of incident {matter.incident}",
        f"**{UNSIGNED}**",
        f"Drafted {_moment(made)} for {matter.company or '[company]'}. To: [the authority]. Order: [name and number of the order].",
        "## When",
        f"It began {_moment(matter.began)}, and lasted until {_moment(matter.ended)}. It was discovered {_moment(matter.discovered)}.",
        "## What happened, and why",
        f"{_WHAT_HAPPENED[matter.kind]} [The facts, the cause and the scope, as far as they are known.]",
        "## Which information",
        _listed([each.value for each in matter.what]),
        "## How many consumers",
        number,
        (
            f"Counted {_moment(matter.counted)} from the registers of views, openings, families and incidents. SHA-256 of the list of "
            f"accounts: `{matter.digest}`. `expunge incidents show {matter.incident} --accounts` makes the list anew."
        ),
        *_counted_otherwise(matter),
        "## What was done",
        _facts(matter, _REMEDIES) or "Nothing is entered yet. [What was done to end it, and to protect those affected from further harm.]",
        "## Notices",
        _facts(matter, _TOLD) or "None is entered yet.",
        "[Enclose a copy of each notice to consumers or to a government body.]",
        "## What is owed",
        _listed(matter.due) if matter.due else "No clock runs.",
        "## Signature",
        PERJURY,
        "[name, position, date and place]",
        f"_{WORDING}_",
    ]
    return "\n\n".join(lines) + "\n"


def notice(matter: LetterMatter, language: str) -> str:
    """Return the draft of the notice to people: a line with the subject, an empty line, and the text. English, or Spanish (``es``)."""
    words = _SPANISH if language == "es" else _ENGLISH
    company = matter.company or words["company"]
    span = words["span"].format(began=matter.began.astimezone(UTC).date(), ended=matter.ended.astimezone(UTC).date())
    text = [
        words[matter.kind.value],
        span,
        words["what"] + "\n" + "\n".join(f"- {words[each.name]}" for each in matter.what),
        words["done"],
        words["do"],
        words["right"].format(company=company),
        words["ask"],
    ]
    return f"Subject: {words['subject'].format(company=company)}\n\n" + "\n\n".join(text) + f"\n\n{company}\n"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _listed(lines: tuple[str, ...] | list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _facts(matter: LetterMatter, wanted: tuple[IncidentFact, ...]) -> str:
    found = sorted((each for each in matter.facts if each.fact in wanted), key=lambda each: each.on)
    return _listed([f"{_moment(each.on)}: {each.fact.value} ({_papers(each)})" for each in found])


def _papers(fact: IncidentStated) -> str:
    return f"{fact.reference}, SHA-256 `{fact.document}`" if fact.document else fact.reference


def _counted_otherwise(matter: LetterMatter) -> list[str]:
    found = [each for each in matter.facts if each.fact is IncidentFact.COUNTED]
    return [f"Counted otherwise, {_moment(each.on)}: {each.number} accounts ({_papers(each)})." for each in found]


_ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        "company": "[company]",
        "subject": "Something happened to your data at {company}",
        "views": "A person who works for us watched recordings of customers without a good reason. Yours were among them.",
        "openings": "A program or a person of our company opened recordings of customers without a good reason. Yours were among them.",
        "takeover": "A stranger came into your account with us.",
        "copy": "A copy of data of our customers was lost or taken. Your data were in it.",
        "exposure": "Strangers could reach data of our customers. Your data were among them.",
        "span": "It began on {began} and lasted until {ended} at the latest.",
        "what": "This is what we know about what was reached:",
        "SEEN": "recordings were watched",
        "COPIED": "recordings were copied",
        "LIVE": "a camera was watched live",
        "SETTINGS": "settings of accounts were changed",
        "CONTACT": "contact data were seen",
        "SEALED": "the data were locked, and we have no sign that they were opened",
        "UNKNOWN": "we do not know yet what was reached",
        "done": "[What we did to end it, and what we do so that it does not happen again.]",
        "do": "[What you can do now: a new passkey, log out other devices, ask us to delete your recordings.]",
        "right": "You can see who looked at your recordings, and have them deleted, at any time on the pages of {company}.",
        "ask": "Do you have questions? [Who answers them, and where.]",
    }
)
_SPANISH: Mapping[str, str] = MappingProxyType(
    {
        "company": "[empresa]",
        "subject": "Algo ocurrió con sus datos en {company}",
        "views": "Una persona que trabaja para nosotros vio grabaciones de clientes sin un buen motivo. Las suyas estaban entre ellas.",
        "openings": (
            "Un programa o una persona de nuestra empresa abrió grabaciones de clientes sin un buen motivo. Las suyas estaban entre ellas."
        ),
        "takeover": "Una persona extraña entró en su cuenta con nosotros.",
        "copy": "Una copia de datos de nuestros clientes se perdió o fue robada. Sus datos estaban en ella.",
        "exposure": "Personas extrañas pudieron llegar a datos de nuestros clientes. Los suyos estaban entre ellos.",
        "span": "Empezó el {began} y duró como mucho hasta el {ended}.",
        "what": "Esto es lo que sabemos de lo que se alcanzó:",
        "SEEN": "se vieron grabaciones",
        "COPIED": "se copiaron grabaciones",
        "LIVE": "se miró una cámara en directo",
        "SETTINGS": "se cambiaron ajustes de cuentas",
        "CONTACT": "se vieron datos de contacto",
        "SEALED": "los datos estaban cerrados, y nada indica que se abrieran",
        "UNKNOWN": "todavía no sabemos qué se alcanzó",
        "done": "[Qué hicimos para terminarlo, y qué hacemos para que no vuelva a ocurrir.]",
        "do": (
            "[Qué puede hacer usted ahora: una clave de acceso nueva, cerrar la sesión en otros dispositivos, pedir que borremos sus "
            "grabaciones.]"
        ),
        "right": "Puede ver quién miró sus grabaciones, y hacer que se borren, en cualquier momento en las páginas de {company}.",
        "ask": "¿Tiene preguntas? [Quién las responde, y dónde.]",
    }
)
