"""A kind of store in a package of its own: installed outside this tree, it is found by its entry point and by nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

from expunge import stores
from expunge.core.datamap.datamap import StoreSpec
from expunge.errors import Misconfigured
from expunge.maps import examine
from expunge.stores import REGISTRY, Kinds, open_store
from tests.cli.running import in_a_process
from tests.moment import beside

PROJECT = Path(__file__).parent / "toystore"
MAP = """
version: 1
state: .expunge
identities: {person: {dataset: people, key: id}}
stores:
  toys: {kind: toy, url: ./toys}
retention:
  life: {period: 1 year, from: joined, purpose: to play, need: for the game}
datasets:
  people: {store: toys, table: people.json, subject: {person: id}, retention: life}
"""
PEOPLE = {
    "p-kim-4711": {"name": "Kim Thistlewood", "joined": "2026-01-02"},
    "p-bo-0815": {"name": "Bo Hawthorne", "joined": "2026-01-03"},
}


def install(folder: Path, **entry_points: str) -> Path:
    """Do what an installer does with a wheel: the package, and beside it a description with its entry points."""
    site = folder / "site"
    shutil.copytree(PROJECT / "toystore", site / "toystore", ignore=shutil.ignore_patterns("__pycache__"))
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    for group, points in project["entry-points"].items():
        describe(site, project["name"], project["version"], group, {**points, **entry_points})
    return site


def describe(site: Path, name: str, version: str, group: str, points: dict[str, str]) -> None:
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n" + "".join(f"{kind} = {where}\n" for kind, where in points.items()))


def written(folder: Path) -> Path:
    (folder / "toys").mkdir()
    (folder / "toys" / "people.json").write_text(json.dumps(PEOPLE))
    (folder / "expunge.yaml").write_text(MAP)
    return folder / "expunge.yaml"


@pytest.fixture
def path(monkeypatch):
    """A function that puts a folder of installed packages on this process's path."""
    stores._offered.cache_clear()
    yield lambda site: (monkeypatch.syspath_prepend(str(site)), stores._offered.cache_clear())
    monkeypatch.undo()
    sys.modules.pop("toystore", None)
    stores._offered.cache_clear()


def test_the_shipped_suite_is_green_where_the_package_is_installed(tmp_path):
    site = install(tmp_path)
    shutil.copy(PROJECT / "test_toystore.py", tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [*command, str(tmp_path / "test_toystore.py")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": beside(site)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 25


def test_a_whole_order_over_a_map_that_names_the_kind_ends_fulfilled(tmp_path):
    env = {"PYTHONPATH": beside(install(tmp_path))}
    (tmp_path / "world").mkdir()
    world = written(tmp_path / "world").parent
    checked = in_a_process("check", "--json", cwd=world, env=env)
    assert checked.code == 0, checked.out + checked.err
    assert in_a_process("init", cwd=world, env=env).code == 0
    ordered = in_a_process("order", "erase", "person:p-kim-4711", "--yes", "--json", cwd=world, env=env)
    order = ordered.json["order"]
    assert in_a_process("plan", order, cwd=world, env=env).code == 0
    applied = in_a_process("apply", order, "--yes", cwd=world, env=env)
    assert applied.code == 0, applied.out + applied.err
    assert [one["state"] for one in in_a_process("status", order, "--json", cwd=world, env=env).json["orders"]] == ["fulfilled"]
    assert json.loads((world / "toys" / "people.json").read_text()) == {"p-bo-0815": PEOPLE["p-bo-0815"]}


def test_without_the_package_the_map_has_a_fault_that_lists_the_known_kinds(tmp_path):
    (fault,) = examine(written(tmp_path), {}, kinds=Kinds()).faults
    assert (fault.rule, fault.line) == ("unknown-kind", 6)
    assert set(re.findall(r"[a-z0-9]+", fault.write_instead)) >= set(REGISTRY)
    with pytest.raises(Misconfigured, match="no kind 'toy'") as caught:
        open_store(StoreSpec("mine", "toy", str(tmp_path)), ())
    assert set(re.findall(r"[a-z0-9]+", caught.value.help)) >= set(REGISTRY)


def test_the_kind_is_read_as_it_declares_itself(tmp_path, path):
    path(install(tmp_path))
    assert list(Kinds()) == [*REGISTRY, "toy"]
    file = written(tmp_path)
    assert examine(file, {}, kinds=Kinds()).faults == ()
    file.write_text(MAP.replace("table: people.json", 'path: "{id}.json"').replace("./toys}", "./toys, colour: red}"))
    assert [fault.rule for fault in examine(file, {}, kinds=Kinds()).faults] == ["unknown-key", "layout-not-for-kind"]
    with closing(open_store(StoreSpec("mine", "toy", str(tmp_path)), ())) as store:
        assert type(store).__module__ == "toystore"


def test_a_kind_that_exists_already_is_refused(tmp_path, path):
    path(install(tmp_path, files="toystore:ToyStore"))
    with pytest.raises(Misconfigured, match="package toystore offers a kind of store 'files', which exists already") as caught:
        Kinds()
    assert "uninstall toystore" in caught.value.help
    with pytest.raises(Misconfigured, match="'files'"):
        open_store(StoreSpec("mine", "files", str(tmp_path)), ())


def test_two_packages_that_offer_one_kind_are_refused(tmp_path, path):
    site = install(tmp_path)
    describe(site, "playstore", "2.0", "expunge.stores", {"toy": "playstore:PlayStore"})
    path(site)
    with pytest.raises(Misconfigured, match="both offer a kind of store 'toy'") as caught:
        Kinds()
    assert "playstore" in caught.value.message
    assert "toystore" in caught.value.message


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("nowhere_to_be_found:ToyStore", "the kind toy needs the package nowhere_to_be_found, which is not installed"),
        ("toystore:Missing", "the kind toy of the installed package toystore cannot be imported from toystore:Missing"),
    ],
)
def test_a_package_that_cannot_be_imported_is_a_fault_of_the_map_with_its_line(tmp_path, path, where, said):
    path(install(tmp_path, toy=where))
    (fault,) = examine(written(tmp_path), {}, kinds=Kinds()).faults
    assert (fault.rule, fault.line, fault.what) == ("unknown-kind", 6, f"stores.toys: {said}")
    assert "install" in fault.write_instead
    with pytest.raises(Misconfigured, match=said):
        open_store(StoreSpec("mine", "toy", str(tmp_path)), ())


def test_a_program_registers_a_kind_with_one_line(tmp_path, monkeypatch):
    from tests.stores.toystore.toystore import ToyStore

    monkeypatch.setitem(REGISTRY, "toy", ToyStore)
    assert examine(written(tmp_path), {}, kinds=Kinds()).faults == ()
    with closing(open_store(StoreSpec("mine", "toy", str(tmp_path)), ())) as store:
        assert isinstance(store, ToyStore)
