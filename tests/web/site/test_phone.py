"""Every page and state by axe on a phone, in both languages, with targets for thumbs."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.web.site.kit import SiteServed
from tests.web.site.test_accessibility import check, look_around


@pytest.mark.soak
@pytest.mark.parametrize(("lang", "family"), [("en", "lee"), ("es", "rojas")])
def test_no_page_violates_a_rule_on_a_phone(served_site: SiteServed, browser: Browser, lang: str, family: str) -> None:
    options = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "locale": lang}
    check(look_around(served_site, browser, least=44, family=family, **options), lang)
