"""Conformance suites that ship with Expunge: subclass one in a test file to show that an implementation keeps its port's promises.

They need pytest, without which they are not there, and import only the ports and the core. The implementation under test is handed to them.
"""

from __future__ import annotations

from importlib.util import find_spec

# Why asked: what looks at a desk from outside, and the authenticator in memory, lie in here too, and run where no pytest is.
if find_spec("pytest") is not None:
    import pytest

    # So that a failing assert inside a suite explains itself as one in a test file does; must come before the import.
    pytest.register_assert_rewrite(
        "expunge.testing.harness",
        "expunge.testing.store_reading",
        "expunge.testing.store_erasing",
        "expunge.testing.store_faults",
        "expunge.testing.store_windows",
        "expunge.testing.store_placing",
        "expunge.testing.items.item_listing_suite",
        "expunge.testing.items.ranged_reading_suite",
        "expunge.testing.journal_suite",
        "expunge.testing.keys_suite",
        "expunge.testing.log_suite",
        "expunge.testing.shelf_suite",
        "expunge.testing.outbox_suite",
        "expunge.testing.leases_suite",
        "expunge.testing.queue_suite",
        "expunge.testing.consent_method_suite",
    )

    from expunge.testing.consent_method_suite import ConsentMethodSuite
    from expunge.testing.items.item_listing_suite import ItemListingSuite
    from expunge.testing.items.ranged_reading_suite import RangedReadingSuite
    from expunge.testing.people import AWKWARD, Person, people, person
    from expunge.testing.store_placing import PlacingSuite
    from expunge.testing.store_suite import StoreSuite
    from expunge.testing.store_windows import WindowSuite

__all__ = [
    "AWKWARD", "ConsentMethodSuite", "ItemListingSuite", "Person", "PlacingSuite", "RangedReadingSuite", "StoreSuite", "WindowSuite",
    "people", "person",
]  # fmt: skip
