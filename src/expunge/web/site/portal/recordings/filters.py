"""The filter of a timeline, between its form, its address and the clerk. Words that are looked for stand in no address."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict

from expunge.core.datamap.artefact import DataKind
from expunge.core.families.timeline import SHOWN, TimelineFilter

MOST_TEXT = 200
"""Characters of the words that are looked for."""
NAMES = {DataKind.VOICE: "voice", DataKind.VIDEO: "video", DataKind.PICTURE: "picture"}
"""Kind -> its name in forms and addresses."""
_KINDS = {name: kind for kind, name in NAMES.items()}
assert set(NAMES) == set(SHOWN)


@dataclass(frozen=True)
class Asked:
    """What the form of a timeline asks for."""

    kinds: tuple[str, ...] = ()
    since: str = ""
    """The first day, as the form has it; empty for none, and where it is no day."""
    until: str = ""
    """The last day."""
    text: str = field(default="", repr=False)
    after: str = ""

    @property
    def wanted(self) -> TimelineFilter:
        """The filter for the clerk. Days are those of UTC."""
        last = _day(self.until)
        return TimelineFilter(
            frozenset(_KINDS[each] for each in self.kinds), _day(self.since), last + timedelta(days=1) if last else None, self.text
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything is asked for but all."""
        return bool(self.kinds or self.since or self.until or self.text)

    def query(self, after: str = "") -> str:
        """Return it as the query of an address, without the words."""
        pairs = [*(("kind", each) for each in self.kinds), ("since", self.since), ("until", self.until), ("after", after)]
        return urlencode([(name, value) for name, value in pairs if value])


def asked(request: HttpRequest) -> Asked:
    """Return what a request asks for. What cannot be meant is left out."""
    given: QueryDict = request.POST if request.method == "POST" else request.GET
    kinds = tuple(each for each in dict.fromkeys(given.getlist("kind")) if each in _KINDS)
    since, until = (given.get(name, "") if _day(given.get(name, "")) else "" for name in ("since", "until"))
    if since and until and since > until:
        since, until = until, since
    text = given.get("text", "").strip()[:MOST_TEXT] if request.method == "POST" else ""
    return Asked(kinds, since, until, text, given.get("after", "")[:64])


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
