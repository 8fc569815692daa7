"""The directory of staff over a journal, and the keeper's desk that answers for it."""

from __future__ import annotations

import getpass
from collections.abc import Callable

from expunge.adapters.keeper.staff_requests import Permits, StaffDesk
from expunge.engine.accounts.staff_directory import JournalStaffDirectory
from expunge.ports.accounts.staff_directory import StaffDirectory
from expunge.ports.clock import Clock
from expunge.ports.journal import Journal


def directory(journal: Journal, clock: Clock, random: Callable[[int], bytes]) -> StaffDirectory:
    """Return the directory of staff over a journal. Decisions of this process are those of its account of the operating system."""
    return JournalStaffDirectory(journal, clock, random, getpass.getuser())


def staff_desk(journal: Journal, clock: Clock, random: Callable[[int], bytes], permits: Permits) -> StaffDesk:
    """Return the desk that a keeper answers requests about staff at."""
    return StaffDesk(directory(journal, clock, random), permits)
