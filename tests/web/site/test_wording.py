"""The words of the pages, in both languages: plain, short, without blame, and four verbs for what happens to data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.web.site import catalogues

ENGLISH, SPANISH = "en", "es"
LONGEST = {ENGLISH: 24, SPANISH: 26}
"""Words of one sentence."""
MEAN = {ENGLISH: 11.0, SPANISH: 12.0}
"""Words of a sentence, on average over all."""

BANNED = {
    ENGLISH: (
        # It asks where it should say, and excuses where it should tell.
        r"please|sorry|oops|unfortunately|kindly|simply|just (?:click|enter|press)|easy|easily|obviously",
        # It blames.
        r"you (?:failed|forgot|must|should have)|(?<!if )you did(?: not|n't)|your (?:mistake|error|fault)|wrong (?:password|code|address)",
        r"invalid|illegal|forbidden|unauthori[sz]ed|denied|bad request|not permitted",
        # It tells nothing.
        r"something went wrong|an error (?:has )?occurred|unexpected error|try again later|being processed|in a timely manner",
        # It is ours, not theirs.
        r"authenticat\w+|credentials?|two-factor|second factor|multi-factor|2fa|mfa|totp|webauthn|token",
        r"csrf|http|server|database|session|biometrics",
        r"log-?in (?:page|form)s?|sign(?:ed)? (?:in|out)|log(?:ged)? on|user ?name|e-mail|click here",
        # Four verbs say what happened to data: erased, verified, expiring, kept.
        r"delet\w+|purg\w+|wip(?:e|ed|ing)|destroy\w*|scrub\w*|anonymi[sz]\w+|verif(?:y|ication)",
        r"user'?s?|data subject|somebody|anybody|whoever",
    ),
    SPANISH: (
        r"por favor|lo sentimos|lamentablemente|simplemente|f[aá]cilmente",
        r"inv[aá]lid[oa]s?|ilegal|prohibid[oa]|no autorizad[oa]|denegad[oa]|usted (?:olvid[oó]|fall[oó]|debe)|su (?:error|culpa)",
        r"algo (?:ha salido|sali[oó]) mal|ha ocurrido un error|error inesperado|se est[aá] procesando",
        r"autentica\w+|credencial\w*|dos factores|segundo factor|2fa|mfa|totp|webauthn|token",
        r"csrf|http|servidor|base de datos|biom[eé]tric\w+|usuario",
        r"haga clic aqu[ií]|login|loguear\w*|email|e-mail",
        r"elimin\w+|suprim\w+|destru\w+|purg\w+|(?<!borrado y )verific\w+",
        # A person is spoken to as usted.
        r"tu|tus|tuyo|tuya|contigo|puedes|tienes|quieres|necesitas|eres|est[aá]s|has|haz",
        r"ve a|escribe tu|introduce|(?<!usted )inicia sesi[oó]n|elige",
    ),
}


def texts(language: str) -> Iterator[str]:
    """Every text that a person can read in a language."""
    found = catalogues.catalogue(SPANISH)
    ours = {(entry.msgid, entry.msgid_plural): entry for entry in catalogues.catalogue(ENGLISH)}
    for entry in found:
        said = entry if language == SPANISH else ours.get((entry.msgid, entry.msgid_plural))
        if said is None:
            yield from filter(None, (entry.msgid, entry.msgid_plural))
        else:
            yield from said.msgstr_plural.values() if said.msgid_plural else [said.msgstr]


def sentences(text: str) -> list[str]:
    plain = re.sub(r"<[^>]+>", "", text)
    return [part.strip() for part in re.split(r"(?<=[.?!:])\s+", plain) if part.strip()]


def words(sentence: str) -> list[str]:
    return re.findall(r"[\w\u2019'%()-]+", sentence)


def banned(text: str, language: str) -> list[str]:
    # What stands in place of a value is a name of ours, which no person reads.
    plain = re.sub(r"%\(\w+\)[sd]|\{\w+\}|<[^>]+>", "", text)
    return [found[0] for rule in BANNED[language] for found in re.finditer(rf"\b(?:{rule})\b", plain, re.IGNORECASE)]


def too_long(text: str, language: str) -> list[str]:
    return [sentence for sentence in sentences(text) if len(words(sentence)) > LONGEST[language]]


@pytest.mark.parametrize("language", [ENGLISH, SPANISH])
@pytest.mark.parametrize("rule", [banned, too_long])
def test_words(rule: Callable[[str, str], list[str]], language: str) -> None:
    found = {text: wrong for text in texts(language) if (wrong := rule(text, language))}
    assert found == {}


@pytest.mark.parametrize("language", [ENGLISH, SPANISH])
def test_sentences_are_short(language: str) -> None:
    counts = [len(words(sentence)) for text in texts(language) for sentence in sentences(text)]
    assert len(counts) > 400
    assert sum(counts) / len(counts) <= MEAN[language]


@pytest.mark.parametrize("language", [ENGLISH, SPANISH])
def test_a_question_or_a_statement_is_whole(language: str) -> None:
    """No exclamation, no capitals that shout, no dots that trail off, no space or quote of another language."""
    rule = r"!|\.\.\.|…|\b[A-ZÁÉÍÓÚ]{5,}\b|  " + (r"|“|”" if language == SPANISH else "|«|»")
    assert [text for text in texts(language) if re.search(rule, text)] == []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Please enter your password", ENGLISH),
        ("Invalid token", ENGLISH),
        ("Your recordings were deleted", ENGLISH),
        ("Something went wrong", ENGLISH),
        ("Introduce tu contraseña, por favor", SPANISH),
        ("Sus grabaciones se eliminaron", SPANISH),
    ],
)
def test_what_must_not_be_said_is_found(text: str, language: str) -> None:
    assert banned(text, language)


def test_long_sentences_are_found() -> None:
    assert too_long("word " * 25 + ".", ENGLISH)
