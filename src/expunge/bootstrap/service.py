"""The base of a domain's service. ``Expunge`` has one service for each domain beside erasing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from expunge.engine.kernel.context import Context


@dataclass(frozen=True)
class DomainService:
    """The parts that every service shares."""

    context: Context
    changing: Callable[[], AbstractContextManager[None]]
    """The right to change what orders share (registers, snapshot), for a moment; others wait for their turn."""
    alone: Callable[[], AbstractContextManager[None]]
    """The right to run orders, for verbs that look through stores or call other machines; others get Busy after a while."""
