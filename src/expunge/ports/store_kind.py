"""A kind of store's declaration: the layout of its data, the meaning of its ``url``, and its options.

The reader of the data map, the JSON Schema and the documentation take these from the declaration, and :func:`expunge.stores.open_store`
checks by it. A declaration is a value: it can be read where the client library of the kind is not installed.
"""

from __future__ import annotations

import os.path
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TypeAlias

from expunge.core.datamap.datamap import LAYOUTS, StoreSpec
from expunge.core.values.periods import parse_span

SQLITE = "sqlite:///"
ALIAS = "[A-Za-z_][A-Za-z0-9_]*"
"""Pattern of the names by which databases are attached."""

OptionValue: TypeAlias = "str | int | bool | Mapping[str, str]"


def absolute(folder: PurePath, text: str) -> str:
    """Return a path of the map, absolute and without ``.`` and ``..``; symbolic links stay as they are."""
    return os.path.normpath(folder / text)


def located(folder: PurePath, text: str) -> str:
    """Return the text with what is plainly a local path made absolute."""
    if text.startswith(SQLITE) and len(text) > len(SQLITE):
        return SQLITE + absolute(folder, text.removeprefix(SQLITE))
    return absolute(folder, text) if text.startswith(("./", "../")) else text


@dataclass(frozen=True)
class UrlForm:
    """The meaning of a kind's ``url``."""

    names: str
    """What it names, for messages: ``a folder``."""
    example: str
    read: Callable[[PurePath, str], str]
    """(folder of the map, text as written) -> the url with paths made absolute; empty where the text is no such url."""
    about: str
    """What it is, for the documentation (Markdown)."""


def folder_url(folder: PurePath, text: str) -> str:
    """Read a folder of this machine."""
    return "" if "://" in text or text.startswith("~") else absolute(folder, text)


def sqlite_url(folder: PurePath, text: str) -> str:
    """Read the file of a SQLite database."""
    path = text.removeprefix(SQLITE)
    if path == text or not path or path.startswith(":") or re.search(r"[?#\0]", path):
        return ""
    return SQLITE + absolute(folder, path)


@dataclass(frozen=True)
class Option(ABC):
    """One option of a kind."""

    about: str
    """What it is, for the documentation (Markdown)."""
    write: str
    """What to write where the value makes no sense: ``busy_ms: 5000``."""
    required: bool = False

    @abstractmethod
    def fault(self, value: OptionValue) -> str:
        """Return what is wrong with a value, as the end of a sentence that begins with the option's name; empty for a sound one."""


@dataclass(frozen=True)
class TextOption(Option):
    """Any text that is not empty."""

    def fault(self, value: OptionValue) -> str:
        """Refuse what is no text."""
        return "" if isinstance(value, str) and value else "is no text"


@dataclass(frozen=True)
class ChoiceOption(Option):
    """One of a few words."""

    words: tuple[str, ...] = ()

    def fault(self, value: OptionValue) -> str:
        """Refuse other words."""
        return "" if value in self.words else f"is none of {', '.join(self.words)}"


@dataclass(frozen=True)
class NumberOption(Option):
    """A whole number."""

    unit: str = ""
    least: int = 0

    def fault(self, value: OptionValue) -> str:
        """Refuse what is no number, and numbers below the least."""
        sound = isinstance(value, int) and not isinstance(value, bool) and value >= self.least
        return "" if sound else f"is no number of {self.unit}" + (f" above {self.least - 1}" if self.least else "")


@dataclass(frozen=True)
class SpanOption(Option):
    """A length of time: ``12 hours``."""

    def fault(self, value: OptionValue) -> str:
        """Refuse what is no length of time."""
        try:
            parse_span(str(value))
        except ValueError:
            return "is no length of time"
        return ""


@dataclass(frozen=True)
class FoldersOption(Option):
    """A folder of this machine, or several by name."""

    def fault(self, value: OptionValue) -> str:
        """Refuse what is no absolute path of this machine."""
        texts: list[object] = [*value.values()] if isinstance(value, Mapping) else [value]
        sound = bool(texts) and all(isinstance(text, str) and text.removeprefix("file://").startswith("/") for text in texts)
        return "" if sound else "names no folder here"


@dataclass(frozen=True)
class ReasonsOption(Option):
    """Names, each with the reason why it stands here."""

    def fault(self, value: OptionValue) -> str:
        """Refuse what is no mapping from names to reasons."""
        sound = isinstance(value, Mapping) and bool(value) and all(name and reason for name, reason in value.items())
        return "" if sound else "does not map names to reasons"


@dataclass(frozen=True)
class AttachedOption(Option):
    """Further database files by alias; tables of them are ``alias.table``."""

    def is_alias(self, text: str) -> bool:
        """Return whether a database can be attached by this name."""
        return bool(re.fullmatch(ALIAS, text)) and text.lower() not in {"main", "temp"}

    def fault(self, value: OptionValue) -> str:
        """Refuse what is no mapping from aliases to files."""
        sound = isinstance(value, Mapping) and all(self.is_alias(alias) and path for alias, path in value.items())
        return "" if sound else "does not map aliases to paths"


@dataclass(frozen=True)
class TableNames:
    """The form of table names of a kind."""

    schema: str = ""
    """The schema that is meant where none is written."""
    any_case: bool = False
    """Whether names that differ in case alone mean one table."""
    attached: str = ""
    """The option whose aliases are the only other schemas; empty where the map cannot tell which schemas there are."""

    def full(self, table: str) -> str:
        """Return the table without the schema that is meant when none is written, in one spelling."""
        name = table.lower() if self.any_case else table
        return name.removeprefix(f"{self.schema}.") if self.schema else name


@dataclass(frozen=True)
class StoreKind:
    """The declaration of a kind. The default says nothing: any layout, url and option is taken, and the store checks them itself."""

    layouts: tuple[str, ...] | None = None
    """How datasets are laid out: keys of :data:`expunge.core.datamap.datamap.LAYOUTS`, the usual one first. Empty for a kind that holds no
    datasets; None for any."""
    url: UrlForm | None = None
    options: Mapping[str, Option] | None = None
    """The options by name; None for any."""
    tables: TableNames = field(default_factory=TableNames)
    whole_files: bool = True
    """With ``path``: whether files without a ``format`` are taken whole, so that their paths must say everything."""
    records: bool = True
    """With ``path``: whether files may hold records (``format``)."""
    says_who: bool = False
    """Whether its items say by themselves everybody whose they are, beyond the fields of the dataset."""
    inside_others: bool = False
    """Whether its files may lie in a folder that is another store."""
    mutes: bool = False
    """Whether it can silence one person in a recording of several."""
    mentions: bool = False
    """Whether it can look for identifiers in single columns, and change cells of other people's rows that hold one."""
    members: bool = False
    """Whether a person can leave the list of a row or record, so that it stays for the others who are named there."""
    no_datasets: str = ""
    """For a kind that holds no datasets: what to write instead of one."""

    def __post_init__(self) -> None:
        """Raise ValueError for a layout that datasets of a map do not have."""
        if strange := set(self.layouts or ()) - set(LAYOUTS):
            message = f"{', '.join(sorted(strange))}: layouts are {', '.join(LAYOUTS)}"
            raise ValueError(message)

    def unknown(self, options: Mapping[str, OptionValue]) -> tuple[str, ...]:
        """Return the names of options that the kind does not have."""
        return () if self.options is None else tuple(sorted(set(options) - set(self.options)))

    def senseless(self, options: Mapping[str, OptionValue]) -> Iterator[tuple[str, str, str]]:
        """Yield (option, fault, correction) for each stated option whose value makes no sense."""
        for name, option in (self.options or {}).items():
            if name in options and (what := option.fault(options[name])):
                yield name, what, option.write

    def missing(self, stated: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """Yield (option, what to write) for each required option that is not stated."""
        for name, option in (self.options or {}).items():
            if option.required and name not in stated:
                yield name, option.write

    def places(self, store: StoreSpec) -> Iterator[str]:
        """Yield the local folders and files of a store, as absolute paths; none for a kind that declares no url or holds no datasets."""
        if self.url is None or self.layouts == ():
            return
        path = store.url.removeprefix(SQLITE)
        if path and "://" not in path:
            yield path
        for name, option in (self.options or {}).items():
            value = store.options.get(name)
            if isinstance(option, FoldersOption | AttachedOption) and value:
                yield from value.values() if isinstance(value, Mapping) else [str(value)]
