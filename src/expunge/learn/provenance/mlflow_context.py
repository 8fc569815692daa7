"""The MLflow plugin that marks every run: its models are dark until their training data is recorded.

MLflow finds it by itself where Expunge is installed (entry point ``mlflow.run_context_provider``). It marks runs that ``mlflow.start_run``
begins. A run that a client makes by itself has no mark, which means the same.
"""

from __future__ import annotations

from mlflow.tracking.context.abstract_context import RunContextProvider

from expunge.core.lineage.model_origin import LINEAGE, MISSING


class LineageContext(RunContextProvider):
    """Gives each new run the tag ``expunge.lineage`` with the value ``missing``; ``log_training`` sets it to ``ok``."""

    def in_context(self) -> bool:
        """Return True: every run is one."""
        return True

    def tags(self) -> dict[str, str]:
        """Return the mark."""
        return {LINEAGE: MISSING}
