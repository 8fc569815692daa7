"""Counts tries from several threads of a process: ``python -m tests.web.site.counting URL TRIES``, as JSON."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

from expunge import clock

THREADS = 4


def _main(url: str, tries: int) -> None:
    from expunge.adapters.state import url as urls
    from expunge.core.accounts.accounts_spec import AccountsSpec
    from expunge.web.site.settings import set_up

    set_up(AccountsSpec(origin="http://localhost:1"), urls.parse(url, Path.cwd()).settings)
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections, transaction

    settings.SECRET_KEY = "of a test"
    call_command("migrate", "expunge_defence", verbosity=0)
    from expunge.core.attempts.attempt_limits import Budget
    from expunge.web.site.defence import incidents, tallies
    from expunge.web.site.defence.incidents import JudgedTry

    budget = Budget(10, 10**9)
    claimed: list[int] = []
    wrong: list[str] = []

    def work(thread: int) -> None:
        try:
            for number in range(tries):
                now = clock.timestamp()
                with transaction.atomic():
                    tallies.add(budget, now, "everybody")
                    tallies.add(budget, now, "pair", number % 7)
                    if tallies.claim("run", 50, now, delayed=False, ends=None):
                        claimed.append(number)
                incidents.failed(JudgedTry(f"account {number}", f"client {thread}", f"network {thread}", refused=True, suspect=True))
        except Exception as error:  # noqa: BLE001 - told to the test
            wrong.append(repr(error))
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(json.dumps({"claimed": len(claimed), "everybody": tallies.tries(budget, clock.timestamp(), "everybody"), "wrong": wrong}))


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]))
