"""Tables of the pages that have to know each member of an enumeration: a new member without words would be a page that fails."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from typing import Any

import pytest


@cache
def missing() -> dict[str, list[str]]:
    done = subprocess.run([sys.executable, "-m", __name__], capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


TABLES = (
    "ways in, on the page of attempts",
    "ways in, with limits",
    "ends of logins of staff",
    "methods of staff, on the page of attempts",
    "kinds of attack",
    "job functions",
    "reasons",
    "standings of accounts",
    "standings of rights",
    "methods of equivalences",
    "decisions of a history",
    "decisions of pages, as they are asked",
    "rights",
    "rules against a decision",
    "faults of a hand-over",
    "asks that are confirmed on the page for it",
    "letters with a code that confirms",
    "letters, in both languages",
    "strengths of methods",
    "troubles with a company",
)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_knows_each_member(table: str) -> None:
    assert missing()[table] == []


def test_each_table_is_looked_at() -> None:
    assert set(missing()) == set(TABLES)


def main() -> None:
    from expunge.core.accounts.accounts_spec import AccountsSpec
    from expunge.web.site.settings import set_up

    set_up(AccountsSpec("http://localhost"), {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"})
    from typing import get_args

    from django.template.loader import get_template
    from django.urls import get_resolver

    from expunge.core.accounts import credential_strength, letter_texts, staff_acts
    from expunge.core.accounts.asks import AskKind
    from expunge.core.accounts.hand_over import HandOverFault
    from expunge.core.accounts.staff import JobFunction, StaffRight
    from expunge.core.accounts.staff_events import AccessMethod, StaffReason
    from expunge.core.accounts.staff_overview import StaffDeed
    from expunge.core.accounts.staff_state import GrantStanding, StaffStanding
    from expunge.core.attempts import attempt_limits
    from expunge.core.attempts.attempt_limits import Surface
    from expunge.core.attempts.spray import AttackKind
    from expunge.engine.accounts import guard
    from expunge.web.site.factors import asking
    from expunge.web.site.families import hand_over
    from expunge.web.site.providers.protocol.problems import Problem
    from expunge.web.site.staff import record, right_words, strength
    from expunge.web.site.staff.managing import attempts, decisions, refusals, words

    # Why: rooms say what they ask when their addresses are read.
    assert get_resolver().url_patterns
    languages = (letter_texts.ENGLISH, letter_texts.SPANISH)
    # Decisions of staff are confirmed on a page of their own, and the others have no pages yet.
    elsewhere = {kind for kind in AskKind if kind.of_staff or kind.of_family}
    problem: Any = get_template("providers/problem.html")
    shown = problem.template.source
    # What the page says where it names none of them.
    untold = {Problem.UNTRUSTED, Problem.NOT_SET_UP}
    tables: dict[str, tuple[Any, Any]] = {
        "ways in, on the page of attempts": (Surface, attempts._SURFACES),
        "ways in, with limits": (Surface, attempt_limits.RULES),
        "ends of logins of staff": (record.Outcome, attempts._OUTCOMES),
        "methods of staff, on the page of attempts": ([each.value for each in strength.SignInMethod], attempts._METHODS),
        "kinds of attack": (AttackKind, attempts._KINDS),
        "job functions": (JobFunction, words.FUNCTIONS),
        "reasons": (StaffReason, words.REASONS),
        "standings of accounts": (StaffStanding, words.STANDINGS),
        "standings of rights": (GrantStanding, words.GRANTS),
        "methods of equivalences": (AccessMethod, words.METHODS),
        "decisions of a history": (StaffDeed, words._DEEDS),
        "decisions of pages, as they are asked": (get_args(staff_acts.StaffAct), decisions._SAID),
        "rights": (StaffRight, right_words._WORDS),
        "rules against a decision": (staff_acts.StaffRule, refusals._RULES),
        "faults of a hand-over": (HandOverFault, hand_over._FAULTS),
        "asks that are confirmed on the page for it": (set(AskKind) - elsewhere, asking._PAGES),
        "letters with a code that confirms": ([each for each in AskKind if each.by_mail], guard._LETTERS),
        "letters, in both languages": ([(kind, each) for kind in letter_texts.LetterKind for each in languages], letter_texts._WORDS),
        "strengths of methods": (credential_strength.Method, credential_strength._STRENGTH),
        "troubles with a company": (set(Problem) - untold, {each for each in Problem if f'trouble == "{each.value}"' in shown}),
    }
    print(json.dumps({name: sorted(str(each) for each in members if each not in known) for name, (members, known) in tables.items()}))


if __name__ == "__main__":
    main()
