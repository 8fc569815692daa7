"""Pages with two companies behind them, and people who come in by these."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from tests.web.certificates import make
from tests.web.site.companies.company import AtCompany, Company, Person, running
from tests.web.site.http_person import HttpPerson, Shown
from tests.web.site.kit import SiteServed, free_port, site


@dataclass
class Connected:
    """Pages, and the companies by whose logins people come in."""

    site: SiteServed
    home: Company
    other: Company


@contextlib.contextmanager
def connected(folder: Path, people: Sequence[Person], **options: str) -> Iterator[Connected]:
    """Serve pages whose map names two companies of customers. The second is without a secret, behind TLS of its own authority."""
    tls = make(folder / "authority")
    port = free_port()
    origin = f"http://localhost:{port}"
    with (
        running(folder / "home", "home", "Example Home", people, origin) as home,
        running(folder / "other", "other", "Other Things", people, origin, public=True, tls=tls) as other,
    ):
        further = f"providers: [{home.entry(alias='email')}, {other.entry(public=True)}]"
        (folder / "site").mkdir()
        with site(folder / "site", port=port, further=further, SSL_CERT_FILE=str(tls.files.certificate), **options) as served:
            yield Connected(served, home, other)


def begin(person: HttpPerson, company: Company, process: str = "login", back: str = "") -> str:
    """Press the button of a company; returns the address that the page leads to."""
    page = person.get("/account/login/" if process == "login" else "/account/3rdparty/")
    assert f"/account/by/{company.id}/" in page.text or process == "again", page.words
    fields = {"process": process} | ({"next": back} if back else {})
    return there(person.post(f"/account/by/{company.id}/", **fields))


def there(page: Shown) -> str:
    """The address at the company that a page leads to."""
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page.text)
    assert found is not None, (page.status, page.url, page.words)
    return unescape(found[1])


def come_in(person: HttpPerson, company: Company, name: str, *, back: str = "", browser: AtCompany | None = None) -> Shown:
    """Log in at a company, and follow where it leads back to."""
    return person.get((browser or AtCompany(company)).log_in(begin(person, company, back=back), name))
