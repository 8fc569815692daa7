"""The texts of the pages and their translations: ``python -m tests.web.site.catalogues`` brings the catalogues to what the pages say.

Every marked text of templates and modules of ``web/site`` is collected; what no page says any longer leaves the catalogues, what is new
comes in without a translation, and everything is compiled. A translation is never guessed from a similar text. The English catalogue has
no text of ours: it says in our words what the libraries say, and every other language has to say the same.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polib

SITE = Path(__file__).resolve().parents[3] / "src/expunge/web/site"
LOCALE = SITE / "shell" / "locale"
LANGUAGES = ("es",)
PLURALS = {"en": "nplurals=2; plural=(n != 1);", "es": "nplurals=2; plural=(n != 1);"}
_CALL = re.compile(r"\b(?:n|p|np)?gettext\(")
_ARGUMENTS = {
    "_": ("text",),
    "gettext": ("text",),
    "gettext_lazy": ("text",),
    "gettext_noop": ("text",),
    "ngettext": ("text", "plural"),
    "ngettext_lazy": ("text", "plural"),
    "pgettext": ("context", "text"),
    "npgettext": ("context", "text", "plural"),
}


@dataclass(frozen=True, order=True)
class Text:
    """A text that a page shows."""

    text: str
    plural: str = ""
    context: str | None = None

    @classmethod
    def of(cls, entry: polib.POEntry) -> Text:
        return cls(entry.msgid, entry.msgid_plural, entry.msgctxt)


def templates() -> list[Path]:
    return sorted(path for path in SITE.rglob("*") if path.suffix in {".html", ".txt"} and "templates" in path.parts)


def texts() -> set[Text]:
    """Every marked text of ours."""
    found: set[Text] = set()
    for path in sorted(SITE.rglob("*.py")):
        found |= set(called_in(path.read_text()))
    for path in templates():
        found |= set(texts_of_template(path))
    return found


def texts_of_template(path: Path) -> Iterator[Text]:
    from django.conf import settings

    if not settings.configured:
        settings.configure()
    from django.utils.translation.template import templatize

    source = templatize(path.read_text(), origin=str(path))
    for call in _CALL.finditer(source):
        yield from _called(ast.parse(_balanced(source[call.start() :]).replace("\n", "\\n")))


def called_in(source: str) -> Iterator[Text]:
    """The marked texts of a module."""
    yield from _called(ast.parse(source))


def _balanced(source: str) -> str:
    """The first call in a source, up to its closing bracket."""
    quote, depth, skip = "", 0, False
    for place, letter in enumerate(source):
        if skip:
            skip = False
        elif letter == "\\":
            skip = True
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "()":
            depth += 1 if letter == "(" else -1
            if not depth:
                return source[: place + 1]
    raise AssertionError(source[:80])


def _called(tree: ast.AST) -> Iterator[Text]:
    for node in ast.walk(tree):
        name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and name in _ARGUMENTS and node.args and isinstance(node.args[0], ast.Constant):
            values = {key: str(ast.literal_eval(value)) for key, value in zip(_ARGUMENTS[name], node.args, strict=False)}
            yield Text(values["text"], values.get("plural", ""), values.get("context"))


def catalogue(language: str) -> polib.POFile:
    return polib.pofile(str(_path(language)))


def _path(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def updated(language: str) -> polib.POFile:
    """What the catalogue of a language should hold."""
    said = {Text.of(entry) for entry in catalogue("en")} | (texts() if language != "en" else set())
    known = {Text.of(entry): entry for entry in catalogue(language)} if _path(language).exists() else {}
    after = polib.POFile(wrapwidth=0)
    after.metadata = {
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Language": language,
        "Plural-Forms": PLURALS[language],
    }
    for text in sorted(said, key=lambda each: (each.text, each.plural, each.context or "")):
        entry = known.get(text)
        fresh = polib.POEntry(msgid=text.text, msgid_plural=text.plural, msgctxt=text.context)
        if text.plural:
            fresh.msgstr_plural = dict(entry.msgstr_plural) if entry else {0: "", 1: ""}
        else:
            fresh.msgstr = entry.msgstr if entry else ""
        after.append(fresh)
    return after


def compiled(language: str) -> bytes:
    return bytes(updated(language).to_binary())


def main() -> int:
    for language in ("en", *LANGUAGES):
        path = _path(language)
        after = updated(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{after}\n")
        path.with_suffix(".mo").write_bytes(after.to_binary())
        missing = [entry.msgid for entry in after if not entry.translated()]
        print(f"{language}: {len(after)} texts, {len(missing)} without a translation", file=sys.stderr)
        for text in missing:
            print(f"  {text}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
