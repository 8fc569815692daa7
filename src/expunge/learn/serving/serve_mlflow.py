"""A model served by MLflow that asks the gate before each answer. Needs mlflow."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from mlflow.pyfunc import load_model
from mlflow.pyfunc.model import PythonModel

from expunge.learn.serving.serve_guard import ServeGate, ServeGuard


class GuardedModel(PythonModel):
    """A wrapper that is logged around a model, to be served in its place.

    ``mlflow.pyfunc.log_model(name="served", python_model=GuardedModel("intent-model", standing), artifacts={"model": "models:/intent/7"})``

    Loading, and each ``predict``, raise :class:`expunge.learn.serving.serve_guard.ModelRefused` where the model may not serve.
    """

    # Why: what comes in is checked against the signature of the model inside, not against a type hint here.
    _skip_type_hint_validation = True

    def __init__(self, name: str, gate: Callable[[], ServeGate], frozen: Collection[str] = ()) -> None:
        """Take the name of the map's dataset, and what opens the gate where it is served: ``expunge.gate.standing``.

        ``frozen``: as for :class:`ServeGuard`.
        """
        self._name = name
        self._gate = gate
        self._frozen = frozenset(frozen)

    def load_context(self, context: Any) -> None:
        """Load the model among the artifacts, if it may serve."""
        path = context.artifacts["model"]
        self._guard = ServeGuard(self._gate(), self._name, path, frozen=self._frozen)
        self._guard.check()
        self._model = load_model(path)

    # Why the types stand in a comment: MLflow would make a signature of them, and this takes whatever the model inside does.
    def predict(self, context, model_input, params=None):  # type: (Any, Any, dict[str, Any] | None) -> Any  # noqa: ARG002
        """The model's own answer."""
        self._guard.check()
        return self._model.predict(model_input, params=params)
