"""An installed package that offers a kind of store and lies: a fault that names the package, never a defect of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from expunge import stores
from expunge.core.datamap.datamap import StoreSpec
from expunge.errors import Misconfigured
from expunge.maps import examine
from expunge.stores import Kinds, open_store
from tests.stores.test_toy_store import describe, written

DECLARES = "from expunge.ports.store_kind import StoreKind\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages on this process's path."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    stores._offered.cache_clear()
    yield folder
    monkeypatch.undo()
    stores._offered.cache_clear()


def offer(site: Path, module: str, source: str, name: str = ":Store") -> None:
    (site / f"{module}.py").write_text(source)
    describe(site, module, "1.0", "expunge.stores", {"toy": f"{module}{name}"})


IMPORTED = {
    "raises": ("raise RuntimeError('p-kim-4711')", ":Store", "cannot be imported from raises:Store: it raises RuntimeError"),
    "unparsed": ("def (", ":Store", "cannot be imported from unparsed:Store: it raises SyntaxError"),
    "leaves": ("raise SystemExit(0)", ":Store", "cannot be imported from leaves:Store: it raises SystemExit"),
    "of_no_layout": (
        f"{DECLARES}class Store:\n    KIND = StoreKind(layouts=('nest',))\n",
        ":Store",
        "cannot be imported from of_no_layout:Store: it raises ValueError",
    ),
    "no_class": ("", "", "is no class: no_class"),
    "declares_a_word": ("class Store:\n    KIND = 'toy'\n", ":Store", "declares itself with something that is no StoreKind"),
}


@pytest.mark.parametrize("module", IMPORTED)
def test_a_package_whose_kind_cannot_be_used_is_a_fault_of_the_map_with_its_line(tmp_path: Path, site: Path, module: str) -> None:
    source, name, said = IMPORTED[module]
    offer(site, module, source, name)
    said = f"the kind toy of the installed package {module} {said}"
    (fault,) = examine(written(tmp_path), {}, kinds=Kinds()).faults
    assert (fault.rule, fault.line, fault.what) == ("unknown-kind", 6, f"stores.toys: {said}")
    assert fault.write_instead == f"reinstall {module}, or have its maintainer correct it"
    with pytest.raises(Misconfigured) as caught:
        open_store(StoreSpec("mine", "toy", str(tmp_path)), ())
    assert caught.value.message == f"store mine: {said}"


BUILT = {
    "takes_nothing": ("class Store:\n    def __init__(self): pass\n", "cannot be built: takes_nothing:Store raises TypeError"),
    "cannot_begin": (
        "class Store:\n    def __init__(self, spec, datasets): raise ValueError(spec.url)\n",
        "cannot be built: cannot_begin:Store raises ValueError",
    ),
    "only_closes": (
        "class Store:\n    def __init__(self, spec, datasets): pass\n    def close(self): pass\n    def erase(self): pass\n",
        "lacks what a store has: ages, bystanders, capabilities, check, cost, export, locate, preflight, probe, purge, raw, spans, trace",
    ),
}


@pytest.mark.parametrize("module", BUILT)
def test_a_class_that_is_no_store_is_named_before_anything_is_asked_of_it(tmp_path: Path, site: Path, module: str) -> None:
    source, said = BUILT[module]
    offer(site, module, source)
    assert examine(written(tmp_path), {}, kinds=Kinds()).faults == ()
    with pytest.raises(Misconfigured) as caught:
        open_store(StoreSpec("mine", "toy", str(tmp_path)), ())
    assert caught.value.message == f"store mine: the kind toy of the installed package {module} {said}"
    assert module in caught.value.help
