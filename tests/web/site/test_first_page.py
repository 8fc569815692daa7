from __future__ import annotations

import urllib.request

from tests.web.site.kit import SiteServed


def test_pages_are_served_beside_the_api(served_site: SiteServed) -> None:
    with urllib.request.urlopen(f"{served_site.origin}/", timeout=20) as page:
        assert page.status == 200
        assert "'self'" in page.headers["Content-Security-Policy"]
    assert served_site.served.get("healthz").status == 200
    with urllib.request.urlopen(f"{served_site.origin}/account/login/", timeout=20) as page:
        assert b"password" in page.read()
