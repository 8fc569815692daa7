"""How often the garbage collector runs is the program's business: what an open installation asks for ends with it."""

from __future__ import annotations

import gc

from expunge.adapters.host.gc_tuning import THRESHOLDS
from expunge.bootstrap import Expunge
from tests.engine.household import Household


def test_the_collector_runs_rarely_until_the_last_installation_is_closed(home: Household) -> None:
    before = gc.get_threshold()
    try:
        gc.set_threshold(321, 5, 7)
        with Expunge.open(home.map):
            assert gc.get_threshold() == THRESHOLDS
            with Expunge.open(home.map):
                pass
            assert gc.get_threshold() == THRESHOLDS
        assert gc.get_threshold() == (321, 5, 7)
    finally:
        gc.set_threshold(*before)


def test_a_collector_that_is_off_stays_off(home: Household) -> None:
    before = gc.get_threshold()
    try:
        gc.set_threshold(0)
        with Expunge.open(home.map):
            assert gc.get_threshold()[0] == 0
        assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*before)
