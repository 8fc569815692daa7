"""Translations: complete, in the same words, and nothing that no catalogue could translate."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.web.site import catalogues
from tests.web.site.catalogues import LANGUAGES, SITE, Text

_PLACE = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}|<[^>]+>")
_TAGS = re.compile(
    # The name of a layout is a class, which no person reads.
    r"\{% block layout %\}\w+\{% endblock %\}|"
    r"\{#.*?#\}|\{%\s*comment.*?endcomment\s*%\}|\{%\s*(?:blocktranslate|blocktrans)\b.*?end(?:blocktranslate|blocktrans)\s*%\}|\{%.*?%\}|\{\{.*?\}\}",
    re.DOTALL,
)
_ATTRIBUTES = frozenset({"alt", "title", "aria-label", "placeholder"})
NOT_WORDS = re.compile(r"[\W\d_]*(?:UTC)?[\W\d_]*", re.UNICODE)


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_catalogues_are_what_the_pages_say(language: str) -> None:
    """``python -m tests.web.site.catalogues`` would change nothing."""
    path = catalogues.LOCALE / language / "LC_MESSAGES" / "django.po"
    after = catalogues.updated(language)
    assert path.read_text() == f"{after}\n"
    assert path.with_suffix(".mo").read_bytes() == after.to_binary()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    found = catalogues.catalogue(language)
    assert len(found) > 300
    assert [entry.msgid for entry in found if not entry.translated()] == []
    assert [entry.msgid for entry in found if entry.fuzzy or entry.obsolete] == []
    # What is the same in both languages is the same on purpose.
    assert {entry.msgid for entry in found if entry.msgid == entry.msgstr} <= {"No"}


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_placeholders_and_markup_are_the_same(language: str) -> None:
    wrong = []
    for entry in catalogues.catalogue(language):
        forms = entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]
        meant = [sorted(_PLACE.findall(text)) for text in (entry.msgid, entry.msgid_plural or entry.msgid)]
        wrong += [entry.msgid for form in forms if sorted(_PLACE.findall(form)) not in meant]
    assert wrong == []


def test_what_libraries_say_is_what_they_say() -> None:
    """A text that a library words anew would come through in the library's words: its entry here has to follow."""
    said = set()
    for library in ("allauth", "django"):
        spec = find_spec(library)
        assert spec is not None
        assert spec.origin is not None
        for path in Path(spec.origin).parent.rglob("*.py"):
            text = path.read_text()
            if "gettext" in text or "_(" in text:
                said |= set(catalogues.called_in(text))
    own = {Text("Name"), Text("Recipient")}
    assert set(map(Text.of, catalogues.catalogue("en"))) - said - own == set()


class _Words(HTMLParser):
    """Collects what a person reads on a page."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in {"script", "style"}
        self.words += [value or "" for name, value in attrs if name in _ATTRIBUTES]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


def unmarked(source: str) -> list[str]:
    reader = _Words()
    reader.feed(_TAGS.sub(" ", source))
    return [word.strip() for word in reader.words if not NOT_WORDS.fullmatch(word)]


def test_every_text_of_a_template_is_marked() -> None:
    found = {str(path.relative_to(SITE)): unmarked(path.read_text()) for path in catalogues.templates()}
    assert {path: words for path, words in found.items() if words} == {}


def test_a_text_that_is_not_marked_is_found() -> None:
    assert unmarked("<p>{% translate 'Marked' %} Loose</p>") == ["Loose"]
    assert unmarked('<img alt="A picture">{{ value }}') == ["A picture"]
