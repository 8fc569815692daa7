"""Answers for known and unknown addresses take the same time: measured at a real server, and held against chance by a two-sample test."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from scipy.stats import ks_2samp, mannwhitneyu

from tests.web.site.filling import address_of, fill
from tests.web.site.http_person import HttpPerson
from tests.web.site.kit import client_address, site

EACH = int(os.environ.get("EVEN_TIMES_EACH") or 1000)
FORMS = {
    "login": ("/account/login/", "login", "password"),
    "sign-up": ("/account/signup/", "email", "password1"),
    "reset": ("/account/password/reset/", "email", ""),
    "recovery": ("/account/recovery/", "email", ""),
}


@pytest.mark.soak
@pytest.mark.parametrize("form", FORMS)
def test_times_and_sizes_do_not_tell_known_addresses(tmp_path: Path, form: str) -> None:
    """So many tries of each kind, in random order, each by a machine of its own at an address of its own."""
    path, field, secret = FORMS[form]
    chance = random.Random(5)
    with site(tmp_path, hashing="") as served:
        person = HttpPerson(served)
        person.get("/account/login/")
        fill(served.folder, EACH)
        person.cookies.pop("session", None)
        kept = dict(person.cookies)
        tries = [(known, number) for number in range(EACH) for known in (True, False)]
        chance.shuffle(tries)
        seconds: dict[bool, list[float]] = {True: [], False: []}
        sizes: dict[bool, set[tuple[int, int]]] = {True: set(), False: set()}
        for known, number in tries:
            address = address_of(number) if known else f"nobody{number}@mail.example"
            values = {field: address} | ({secret: f"guess {chance.randrange(10**9)} of another"} if secret else {})
            person.cookies, person.address = dict(kept), client_address()
            began = time.perf_counter()
            answer = person.ask("POST", path, {"csrfmiddlewaretoken": kept["csrf"], **values}, follow=False)
            seconds[known].append(time.perf_counter() - began)
            assert answer.status in {200, 302}, answer.words
            sizes[known].add((answer.status, len(answer.text.replace(address, ""))))
    assert sizes[True] == sizes[False]
    ranks, shapes = mannwhitneyu(seconds[True], seconds[False]).pvalue, ks_2samp(seconds[True], seconds[False]).pvalue
    print(f"{form}: {EACH} each, Mann-Whitney p = {ranks:.3f}, Kolmogorov-Smirnov p = {shapes:.3f}")
    assert ranks > 0.001
    assert shapes > 0.001
