"""An operator who sets a company's login up as the page says has a map that can be read, and sees what the page shows."""

from __future__ import annotations

import re
from pathlib import Path

from expunge.web.site.providers.protocol.problems import Problem
from tests.docs.test_approvals_page import make_installation
from tests.docs.test_tutorial import ROOT, prints_what_is_shown

PAGE = ROOT / "docs/howto/company-logins.md"


def test_every_command_prints_what_is_shown(tmp_path: Path) -> None:
    make_installation(tmp_path)
    prints_what_is_shown(PAGE, tmp_path, {"SECRET": "what the company gave us"}, at_least=7)


def test_the_page_names_each_trouble_that_an_operator_is_told_of() -> None:
    table = PAGE.read_text().partition("## What you see")[2].partition("## What is kept")[0]
    told = {Problem(found) for found in re.findall(r"^\| `(?!logins)([a-z ]+?)[:`]", table, re.MULTILINE)}
    assert told == {Problem.AWAY, Problem.CLOCK, Problem.UNTRUSTED, Problem.NOT_SET_UP}
