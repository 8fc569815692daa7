"""The same intake where the state lies on PostgreSQL, several senders at once."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

import pytest

from tests.cli.running import expunge
from tests.cli.world import make
from tests.web.serving import Answer, edges, issue, run_event, serving, table


@pytest.mark.soak
def test_lineage_comes_in_where_the_state_is_on_a_server(tmp_path: Path, database: str) -> None:
    path = make(tmp_path)
    path.write_text(path.read_text().replace("state: state\n", f'state: "{database}"\nstate_folder: state\n'))
    assert expunge("init", cwd=tmp_path).code == 0
    answers: list[Answer] = []

    with serving(tmp_path, issue(tmp_path)) as served:

        def send(who: int) -> None:
            for number in range(10):
                ends = [table(tmp_path, "transcripts")], [table(tmp_path, f"t_{who}_{number}")]
                answers.append(served.post(run_event(*ends, run={"runId": str(uuid.uuid4())})))

        senders = [threading.Thread(target=send, args=(who,)) for who in range(8)]
        for each in senders:
            each.start()
        for each in senders:
            each.join()
    assert {each.status for each in answers} == {200}
    assert len(answers) == len(edges(tmp_path)) == 80
    found = expunge("check", "--json", cwd=tmp_path).json["findings"]
    assert sum("pipelines were seen" in each["what"] for each in found) == 80
