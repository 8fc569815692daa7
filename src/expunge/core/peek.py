"""Look at journalled events without decoding them: which kind an event is of, and one of its texts.

Decoding a long register takes many times as long as finding the few events in it that matter. Looking is sound because of the bytes' form:
canonical JSON spells a tag in one way, a quotation mark inside a text is escaped, no two classes have one tag, and no event holds another.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache

from expunge.core import canonical, tags


def peek(data: bytes, *kinds: type) -> type | None:
    """Return the kind, out of ``kinds``, that a journalled event is of; None for an event of another kind.

    Args:
        data: what :func:`expunge.core.events.encode` wrote.
        kinds: classes of events.

    Raises TypeError for a class without a tag.
    """
    for kind in kinds:
        if _mark(kind) in data:
            return kind
    return None


def peek_text(data: bytes, field: str) -> str | None:
    """Return the text that a journalled event has in one of its own fields; None where that field is missing or is no text.

    Only for kinds of events whose values have no field of that name themselves: the first one in the bytes is taken.
    """
    found = _pattern(field).search(data)
    return None if found is None else str(json.loads(found[1]))


@lru_cache(maxsize=256)
def _mark(kind: type) -> bytes:
    return canonical.encode({tags.IS: tags.tag_of(kind)})[1:-1]


@lru_cache(maxsize=64)
def _pattern(field: str) -> re.Pattern[bytes]:
    return re.compile(b"%s:(%s)" % (re.escape(canonical.encode(field)), rb'"(?:[^"\\]|\\.)*"'))
