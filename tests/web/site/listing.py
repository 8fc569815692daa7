"""Lists the pages of the map in this folder: ``python -m tests.web.site.listing``, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.web.site.filling import pages_here


def _walk(resolver: Any, before: str = "") -> Iterator[dict[str, Any]]:
    for pattern in resolver.url_patterns:
        path = f"{before}{pattern.pattern}"
        if hasattr(pattern, "url_patterns"):
            yield from _walk(pattern, path)
            continue
        view = getattr(pattern.callback, "view_class", None)
        form = getattr(view, "form_class", None)
        fields = sorted({*getattr(form, "base_fields", {}), *getattr(form, "declared_fields", {})})
        yield {"name": pattern.name or "", "path": f"/{path}", "fields": fields}


def _main() -> None:
    pages_here()
    from django.urls import get_resolver

    print(json.dumps(list(_walk(get_resolver()))))


if __name__ == "__main__":
    _main()
