"""The conformance suite of the store port."""

from __future__ import annotations

from expunge.testing.store_erasing import StoreErasing
from expunge.testing.store_faults import StoreFaults
from expunge.testing.store_reading import StoreReading


class StoreSuite(StoreReading, StoreErasing, StoreFaults):
    """Every promise of :class:`expunge.ports.store.Store`, against a real store that a subclass brings.

    ::

        class TestMyStore(StoreSuite):
            store = MyStore
            def declare(self, folder): return StoreSpec("mine", "mine", f"{folder}/data"), [Dataset(...)]
            def write(self, folder, people): ...    # as the company's own programs would
            def read(self, folder): ...             # person id -> bytes
            def plant(self, folder, person): ...    # somewhere no dataset declares

    See :class:`expunge.testing.harness.StoreHarness` for what each must do and for what may be overridden.
    """
