# ruff: noqa: E501
"""Each rule reports a small package that breaks it, and says nothing about one that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.failpoints import all_failpoints
from tests.architecture.floors import FLOORS, floor_order
from tests.architecture.rules import RULES
from tests.architecture.source import Tree

GOOD = {
    "__init__.py": "",
    "errors.py": "class ExpungeError(Exception): ...\n",
    "faults.py": "def failpoint(name): ...\n",
    "clock.py": "from datetime import UTC, datetime\nimport time\ndef now():\n    return datetime.now(UTC)\ndef spell(at):\n    return time.strftime('%Y', at)\n",
    "durable.py": "import os\nfrom expunge.faults import failpoint\ndef unlink(path, *, at):\n    failpoint(f'{at}:before')\n    os.unlink(path)\n",
    "telemetry.py": "import logging\nclass Opaque(str): ...\ndef log(action, **fields): ...\n",
    "core/__init__.py": "",
    "core/plan.py": "from pathlib import Path\nfrom expunge.errors import ExpungeError\ndef plan(text, path: Path):\n    return text.replace('a', 'b')\n",
    "core/values/__init__.py": "",
    "core/values/ids.py": "",
    "core/values/signature.py": "from cryptography.hazmat.primitives import hashes\n",
    "ports/__init__.py": "",
    "ports/store.py": "from expunge.core.plan import plan\n",
    "stores/__init__.py": "import importlib\ndef load(name):\n    return importlib.import_module(name)\n",
    "stores/files/__init__.py": "",
    "stores/files/check.py": "",
    "stores/files/store.py": "from expunge import durable\nfrom expunge.ports import store\ndef erase(path):\n    durable.unlink(path, at='files.erase.name')\n",
    "engine/__init__.py": "",
    "engine/kernel/__init__.py": "",
    "engine/kernel/context.py": "",
    "engine/execution/__init__.py": "",
    "engine/execution/planning.py": "",
    "engine/kernel/store_calls.py": "from expunge.faults import failpoint\ndef erase(store):\n    failpoint('call.erase:before')\n    store.erase()\n    failpoint('call.erase:after')\n",
    "engine/execution/running.py": "from expunge.engine.kernel import store_calls\nfrom expunge import telemetry\n"
    "def run(store, order):\n    store_calls.erase(store)\n    telemetry.log(1, order=telemetry.Opaque(order.id), n=3)\n",
    "bootstrap.py": "from expunge.engine.execution import running\nfrom expunge.stores.files import store\n",
    "cli/__init__.py": "",
    "cli/main.py": "def main():\n    from expunge.bootstrap import running\n    print(running)\n",
}

BAD: list[tuple[str, str, str]] = [
    # rule, file, source
    ("arrows", "core/plan.py", "from expunge.ports import store\n"),
    ("arrows", "stores/files/store.py", "from expunge.residue import scan\n"),
    ("arrows", "residue/scan.py", "from expunge.stores import files\n"),
    ("arrows", "residue/scan.py", "from expunge.stores.files import erase\n"),
    ("arrows", "engine/execution/running.py", "from expunge.stores.files import erase\n"),
    ("arrows", "engine/execution/running.py", "from ...stores import files\n"),
    ("arrows", "gate.py", "from expunge.engine import running\n"),
    ("arrows", "bootstrap.py", "from expunge.cli import main\n"),
    ("arrows", "cli/main.py", "from expunge.stores import files\n"),
    ("arrows", "core/plan.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from expunge.ports import store\n"),
    ("arrows", "cli/main.py", "from expunge.engine import running\n"),
    ("arrows", "attic/old.py", "x = 1\n"),
    ("floors", "core/values/ids.py", "from expunge.core import plan\n"),
    ("floors", "core/values/ids.py", "from expunge.core.plan import plan\n"),
    ("floors", "engine/kernel/context.py", "from expunge.engine.execution.planning import plan\n"),
    ("floors", "engine/attic/old.py", "x = 1\n"),
    ("floors", "engine/old.py", "x = 1\n"),
    ("folder sizes", "engine/reports/tokens.py", "x = 1\n"),
    ("cycles", "core/plan.py", "from expunge.core import other\n"),
    ("core is pure", "core/plan.py", "import numpy as np\n"),
    ("core is pure", "core/plan.py", "from cryptography.hazmat.primitives import hashes\n"),
    ("core is pure", "ports/store.py", "import django\n"),
    ("top level", "engine/execution/running.py", "import expunge\n"),
    ("top level", "engine/execution/running.py", "from expunge import Expunge\n"),
    ("late imports", "engine/execution/running.py", "def run():\n    from expunge.core.plan import plan\n    return plan\n"),
    ("dynamic imports", "engine/execution/running.py", "import importlib\nimportlib.import_module('x')\n"),
    ("dynamic imports", "engine/execution/running.py", "from importlib import import_module as load\nload('x')\n"),
    ("dynamic imports", "engine/execution/running.py", "__import__('x')\n"),
    ("sizes", "core/plan.py", "x = 1\n" * 601),
    ("sizes", "core/plan.py", "def f():\n" + "    x = 1\n" * 60),
    ("no clock in core", "core/plan.py", "import time\n"),
    ("no clock in core", "core/plan.py", "from datetime import datetime, UTC\nx = datetime.now(UTC)\n"),
    ("no clock in core", "core/plan.py", "import datetime as d\nx = d.datetime.utcnow()\n"),
    ("no clock in core", "core/plan.py", "import random\n"),
    ("no clock in core", "core/plan.py", "from os import urandom\n"),
    ("no clock in core", "core/plan.py", "def f(name):\n    return open(name)\n"),
    ("no clock in core", "core/plan.py", "from pathlib import Path\ndef f(path: Path):\n    return path.read_text()\n"),
    ("no clock in core", "core/plan.py", "from pathlib import Path\ndef f(x):\n    return Path(x).read_bytes()\n"),
    ("one clock", "engine/execution/running.py", "from datetime import UTC, datetime\nx = datetime.now(UTC)\n"),
    ("one clock", "engine/execution/running.py", "import datetime as d\nx = d.date.today()\n"),
    ("one clock", "stores/files/store.py", "from time import time as seconds\ndef age():\n    return seconds()\n"),
    ("one clock", "stores/files/store.py", "import time\ndef f(now=time.time):\n    return now()\n"),
    ("one clock", "stores/files/store.py", "import time\ndef f():\n    return time.strftime('%Y')\n"),
    ("one clock", "web.py", "from django.utils import timezone\ndef f():\n    return timezone.now()\n"),
    ("one clock", "engine/execution/running.py", "SQL = 'DELETE FROM t WHERE until < CURRENT_TIMESTAMP'\n"),
    ("one clock", "engine/execution/running.py", "SQL = \"SELECT strftime('%s', 'now')\"\n"),
    ("prints", "engine/execution/running.py", "print('x')\n"),
    ("prints", "engine/execution/running.py", "import sys\nsys.stderr.write('x')\n"),
    ("broad excepts", "engine/execution/running.py", "try:\n    x = 1\nexcept Exception:\n    x = 2\n"),
    ("broad excepts", "engine/execution/running.py", "try:\n    x = 1\nexcept (ValueError, BaseException):\n    x = 2\n"),
    ("broad excepts", "engine/execution/running.py", "try:\n    x = 1\nexcept:\n    x = 2\n"),
    ("unfinished", "engine/execution/running.py", "x = 1  # TODO: more\n"),
    ("unfinished", "engine/execution/running.py", "def f():\n    raise NotImplementedError\n"),
    ("logs", "engine/execution/running.py", "import logging\n"),
    ("logs", "engine/execution/running.py", "from logging import getLogger\n"),
    ("logs", "engine/execution/running.py", "from expunge import telemetry\ndef f(email):\n    telemetry.log(1, who=f'{email}')\n"),
    ("logs", "engine/execution/running.py", "from expunge.telemetry import log\ndef f(email):\n    log(1, who=str(email))\n"),
    ("logs", "engine/execution/running.py", "from expunge.telemetry import log\ndef f(email):\n    log(1, who=email.reveal())\n"),
    ("logs", "engine/execution/running.py", "from expunge.telemetry import Opaque\ndef f(email):\n    return Opaque(email)\n"),
    (
        "shown words",
        "cli/main.py",
        "def f(found):\n    return [each for each in found if each.state.value.startswith(('altered', 'its file'))]\n",
    ),
    ("shown words", "cli/main.py", "def f(way):\n    return way.evidence.value == 'a document'\n"),
    ("shown words", "cli/main.py", "def f(step):\n    return step.kind.value in ('erase', 'destroy')\n"),
    ("file effects", "stores/files/store.py", "import os\nos.unlink('x')\n"),
    ("file effects", "stores/files/store.py", "from os import fsync as sync\nsync(1)\n"),
    ("file effects", "stores/files/store.py", "def f(path):\n    path.unlink()\n"),
    ("file effects", "stores/files/store.py", "def f(path, other):\n    path.replace(other)\n"),
    ("file effects", "stores/files/store.py", "def f(path, other):\n    path.rename(other)\n"),
    ("file effects", "stores/files/store.py", "import shutil\nshutil.rmtree('x')\n"),
    ("file effects", "stores/files/store.py", "def f(file):\n    file.truncate(0)\n"),
    ("store calls", "engine/execution/running.py", "def f(store):\n    store.erase()\n"),
    ("store calls", "engine/execution/running.py", "class A:\n    def f(self):\n        return self._stores['x'], self._store.purge([])\n"),
    ("store calls", "engine/execution/running.py", "def f(store, pool):\n    return pool.submit(store.erase)\n"),
    ("store calls", "engine/execution/running.py", "def f(store):\n    return store.capabilities\n"),
    ("journal appends", "engine/execution/running.py", "class A:\n    def f(self):\n        self.journal.append('s', 0, [])\n"),
    ("guarded", "engine/kernel/store_calls.py", "def erase(store):\n    store.erase()\n"),
    (
        "guarded",
        "engine/kernel/store_calls.py",
        "from expunge.faults import failpoint\ndef erase(store):\n    failpoint('a.b:before')\n    store.erase()\n",
    ),
    ("guarded", "engine/kernel/journal_streams.py", "def append(journal):\n    journal.append('s', 0, [])\n"),
    ("failpoints", "stores/files/store.py", "from expunge.faults import failpoint\ndef f(x):\n    failpoint(x)\n"),
    ("failpoints", "stores/files/store.py", "from expunge import durable\ndef f(x):\n    durable.unlink(x)\n"),
    ("failpoints", "stores/files/store.py", "from expunge import durable\ndef f(x):\n    durable.unlink(x, at=f'files.{x}')\n"),
    ("failpoints", "stores/files/store.py", "from expunge import durable\ndef f(x):\n    durable.unlink(x, at='Files')\n"),
    (
        "failpoints",
        "stores/files/store.py",
        "from expunge import durable\ndef f(x):\n    durable.unlink(x, at='a.b.c')\n    durable.unlink(x, at='a.b.c')\n",
    ),
]


def write(folder: Path, files: dict[str, str]) -> Tree:
    for name, text in files.items():
        path = folder / "expunge" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Tree.load(folder / "expunge")


@pytest.mark.parametrize("rule", RULES)
def test_a_package_in_order_is_left_alone(rule: str, tmp_path: Path) -> None:
    assert list(RULES[rule](write(tmp_path, GOOD))) == []


@pytest.mark.parametrize(("rule", "name", "text"), BAD)
def test_a_breach_is_reported(rule: str, name: str, text: str, tmp_path: Path) -> None:
    more = {"residue/scan.py": "", "core/other.py": "from expunge.core import plan\n"}
    faults = list(RULES[rule](write(tmp_path, {**GOOD, **more, name: text})))
    assert faults, f"{rule!r} did not notice"


def test_every_rule_is_seen_to_bite() -> None:
    assert {rule for rule, _, _ in BAD} == set(RULES)


def test_no_floor_may_import_one_above_it() -> None:
    assert list(floor_order(FLOORS)) == []


def test_a_floor_that_may_import_one_above_it_is_reported() -> None:
    assert list(floor_order({"engine": {"kernel": "execution", "execution": "kernel"}}))


def test_a_folder_of_the_composition_root_has_floors_of_its_own(tmp_path: Path) -> None:
    clerk = {
        "bootstrap/__init__.py": "from expunge.bootstrap.clerk import household\n",
        "bootstrap/clerk/__init__.py": "",
        "bootstrap/clerk/household.py": "from expunge.bootstrap import keeping\n",
        "bootstrap/clerk/rounds/__init__.py": "",
        "bootstrap/clerk/rounds/carrier.py": "from expunge.bootstrap.clerk import household\n",
        "bootstrap/clerk/desks/__init__.py": "",
        "bootstrap/clerk/desks/apps.py": "from expunge.bootstrap.clerk.rounds import carrier\n",
        "bootstrap/keeping.py": "",
    }
    good = {**{name: text for name, text in GOOD.items() if name != "bootstrap.py"}, **clerk}
    assert list(RULES["floors"](write(tmp_path / "good", good))) == []
    upward = {"bootstrap/clerk/rounds/carrier.py": "from expunge.bootstrap.clerk.desks import apps\n"}
    (fault,) = RULES["floors"](write(tmp_path / "bad", {**good, **upward}))
    assert "bootstrap/clerk/rounds may not import bootstrap/clerk/desks" in fault


def test_a_new_kind_of_store_may_import_what_kinds_share_and_nothing_more(tmp_path: Path) -> None:
    shared = {"stores/tree/__init__.py": "", "stores/tree/interface.py": "", "stores/tree/ages.py": ""}
    kind = {"stores/toy/__init__.py": "", "stores/toy/kind.py": "", "stores/toy/store.py": "from expunge.stores.tree import interface\n"}
    assert list(RULES["floors"](write(tmp_path, {**GOOD, **shared, **kind}))) == []
    other = {"stores/toy/store.py": "from expunge.stores.files import store\n"}
    assert list(RULES["floors"](write(tmp_path, {**GOOD, **shared, **kind, **other})))


def test_a_heap_is_reported(tmp_path: Path) -> None:
    heap = {f"engine/kernel/m{number}.py": "" for number in range(21)}
    assert any("in one folder" in fault for fault in RULES["folder sizes"](write(tmp_path, {**GOOD, **heap})))


def test_a_small_module_does_not_hide_a_large_median(tmp_path: Path) -> None:
    files = {f"core/m{n}.py": "x = 1\n" * 200 for n in range(60)}
    assert any("median" in fault for fault in RULES["sizes"](write(tmp_path, {**GOOD, **files})))


def test_the_command_line_may_name_what_the_engine_answers_with(tmp_path: Path) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from expunge.engine import running\n"
    assert list(RULES["arrows"](write(tmp_path, {**GOOD, "cli/main.py": text}))) == []


def test_an_import_for_the_type_checker_alone_closes_no_cycle(tmp_path: Path) -> None:
    files = {
        "core/plan.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from expunge.core import other\n",
        "core/other.py": "from expunge.core import plan\n",
    }
    assert list(RULES["cycles"](write(tmp_path, {**GOOD, **files}))) == []


def test_a_late_import_closes_a_cycle(tmp_path: Path) -> None:
    files = {
        "core/plan.py": "def f():\n    from expunge.core import other\n    return other\n",
        "core/other.py": "from expunge.core import plan\n",
    }
    assert list(RULES["cycles"](write(tmp_path, {**GOOD, **files})))


def test_failpoints_of_a_whole_write_are_its_three_steps(tmp_path: Path) -> None:
    text = "from expunge import durable\ndef f(x):\n    durable.write_bytes(x, b'', at='log.tile.write')\n    durable.unlink(x, at='log.old.drop')\n"
    write(tmp_path, {**GOOD, "stores/files/store.py": text})
    assert all_failpoints(tmp_path / "expunge") == (
        "call.erase:after",
        "call.erase:before",
        "log.old.drop:after",
        "log.old.drop:before",
        "log.tile.write.data:after",
        "log.tile.write.data:before",
        "log.tile.write.folder:after",
        "log.tile.write.folder:before",
        "log.tile.write.swap:after",
        "log.tile.write.swap:before",
    )
