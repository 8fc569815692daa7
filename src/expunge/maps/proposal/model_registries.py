"""Propose a store for the backend of MLflow: its models and experiments, by names that are everyday words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from expunge.maps.proposal.guesses import Guess
from expunge.maps.proposal.known_words import is_plain
from expunge.ports.optional.table_survey import TableSurvey

TABLES = frozenset({"experiments", "runs", "registered_models", "model_versions", "alembic_version"})
"""Tables by which the backend is known."""
_MOST = 200


@dataclass(frozen=True)
class SurveyedRegistry:
    """The backend of MLflow."""

    guesses: tuple[Guess, ...]
    artifacts: str
    """The folder of its artifacts; empty where it is none of this machine."""
    unnamed: int
    """Models and experiments whose names may be a person's."""


def look_at_registry(survey: TableSurvey, store: str) -> SurveyedRegistry:
    """Guess the datasets of a backend. Raises StoreUnavailable."""
    models = sorted(survey.sampled("registered_models", "name", _MOST))
    experiments = sorted(survey.sampled("experiments", "name", _MOST) - {"Default"})
    plain = [name for name in (*models, *experiments) if is_plain(name)]
    asks = "nothing here tells from whose data it was made, or whose its runs are"
    guesses = [Guess(f"model_{name}", store, (), layout=("model", name), asks=asks) for name in models if name in plain]
    guesses += [Guess(f"runs_{name}", store, (), layout=("experiment", name), asks=asks) for name in experiments if name in plain]
    return SurveyedRegistry(tuple(guesses), _folder(survey), len(models) + len(experiments) - len(plain))


def _folder(survey: TableSurvey) -> str:
    """The folder that artifacts lie in, by where those of experiments do."""
    places = sorted(survey.sampled("experiments", "artifact_location", _MOST))
    local = [
        Path(urlsplit(place).path if place.startswith("file:") else place) for place in places if place.startswith(("file:", "/", "."))
    ]
    parents = {path.parent for path in local}
    return str(parents.pop()) if len(parents) == 1 else ""
