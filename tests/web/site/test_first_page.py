from __future__ import annotations

import urllib.request
from pathlib import Path

from tests.web.site.kit import site


def test_pages_are_served_beside_the_api(tmp_path: Path) -> None:
    with site(tmp_path) as served:
        with urllib.request.urlopen(f"{served.origin}/", timeout=20) as page:
            assert page.status == 200
            assert "'self'" in page.headers["Content-Security-Policy"]
        assert served.served.get("healthz").status == 200
        with urllib.request.urlopen(f"{served.origin}/account/login/", timeout=20) as page:
            assert b"password" in page.read()
