"""Whatever company Hypothesis invents: *fulfilled* if and only if an outside search finds nothing, and everybody else's records as before."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from tests.attacks.invented.company import Company
from tests.attacks.invented.judging import faults, judge
from tests.attacks.invented.strategies import companies
from tests.soaking import examples

CHEAP = settings(max_examples=examples(8), suppress_health_check=[HealthCheck.too_slow])


def check(company: Company, server: str = "", data: list[Path] | None = None) -> None:
    with tempfile.TemporaryDirectory(prefix="expunge-invented-") as folder:
        assert list(faults(judge(company, Path(folder), server, data or []))) == []


@CHEAP
@given(companies())
def test_an_invented_company_forgets_its_customer_and_says_so(company: Company) -> None:
    check(company)
