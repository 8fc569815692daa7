"""The conformance suite against MLflow: runs of people, with parameters, tags and artifacts, written and read by MLflow itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager, suppress

from expunge import clock
from expunge.stores.mlflow.store import Mlflow
from expunge.testing import StoreSuite
from tests.stores.mlflow.mlflow_company import people_of, spec, tracking


class TestPeople(StoreSuite):
    store = Mlflow
    crowd = 120
    unsayable = "\0"
    patience = 5000

    def declare(self, folder):
        return spec(folder, busy_ms=self.patience), [people_of("voice")]

    def write(self, folder, people):
        from mlflow.entities import Param, RunTag

        with tracking(folder) as store:
            found = store.get_experiment_by_name("voice")
            experiment = found.experiment_id if found else store.create_experiment("voice", f"file://{folder}/mlartifacts/voice")
            for each in people:
                tags = [RunTag("profile_id", each.id), RunTag("said", each.text)]
                run = store.create_run(experiment, "trainer", int(clock.timestamp() * 1000), tags, "enrol")
                store.log_batch(run.info.run_id, [], [Param("email", each.email)], [])
                place = folder / "mlartifacts" / "voice" / run.info.run_id / "artifacts"
                place.mkdir(parents=True)
                (place / "clip.flac").write_bytes(each.blob)

    def read(self, folder):
        from mlflow.entities import ViewType

        seen = {}
        with tracking(folder) as store:
            found = store.get_experiment_by_name("voice")
            token = None
            while found:
                runs = store.search_runs([found.experiment_id], "", ViewType.ALL, max_results=1000, page_token=token)
                for run in runs:
                    if "profile_id" not in run.data.tags:
                        # Why: the client reads a run and its tags one after the other, and the run of a person who leaves may go between.
                        continue
                    clip = b""
                    with suppress(FileNotFoundError):
                        clip = (folder / "mlartifacts" / "voice" / run.info.run_id / "artifacts" / "clip.flac").read_bytes()
                    one = [run.info.run_id, run.data.params, sorted(run.data.tags.items()), clip]
                    seen.setdefault(run.data.tags["profile_id"], []).append(repr(one).encode())
                token = runs.token
                if not token:
                    break
        return {person: b"".join(sorted(parts)) for person, parts in seen.items()}

    def plant(self, folder, person):
        with tracking(folder) as store:
            other = store.create_experiment("backup of voice", f"file://{folder}/mlartifacts/backup")
            store.create_run(other, "trainer", 1, [], person.email)

    def spoil(self, folder, person):
        with (folder / "mlflow.db").open("r+b") as file:
            file.write(b"\xfe" * 4096)
        return True

    @contextmanager
    def obstruct(self, folder, person):
        with closing(sqlite3.connect(folder / "mlflow.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM runs").fetchone()
            self.patience = 200
            yield
        self.patience = 5000
