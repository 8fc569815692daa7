"""The model registry port, optional beside the store port: the sources of the models in a store."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from expunge.core.lineage.model_origin import ModelOrigin


@runtime_checkable
class ModelRegistry(Protocol):
    """A store that is a model registry."""

    def origins(self) -> tuple[ModelOrigin, ...]:
        """Return every registered version, and every model that was logged and registered nowhere; reads only.

        Models of unknown origin are marked dark. Raises as ``locate``.
        """
        ...
