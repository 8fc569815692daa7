"""The section ``vault_root``: kinds of root, and that no secret stands in a map."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.core.datamap.mapdiff import digest, map_diff
from expunge.core.datamap.vault_root import RootKind, RootSpec
from expunge.maps import examine, read_map
from expunge.stores import Kinds

MAP = "version: 1\nstores: {recordings: {kind: vault, url: ./vault}}\ndatasets: {}\n"
TOKEN = "{kind: pkcs11, library: ./hsm.so, token: main, secret_file: ./pin"
SERVICE = "{kind: transit, url: 'https://keys.example.org:8200', secret_variable: BAO"


def test_a_root_is_read_with_what_it_does_not_say(tmp_path: Path) -> None:
    path = tmp_path / "expunge.yaml"
    path.write_text(f"{MAP}vault_root: {TOKEN}}}\n")
    spec = read_map(path, {}, kinds=Kinds()).vault_root
    token = RootSpec(RootKind.PKCS11, f"{tmp_path}/hsm.so", "main", prefix="expunge", secret_file=f"{tmp_path}/pin")
    assert spec == token
    path.write_text(f"{MAP}vault_root: {SERVICE}, before: {TOKEN}}}}}\n")
    spec = read_map(path, {}, kinds=Kinds()).vault_root
    assert (spec.mount, spec.prefix, spec.before) == ("transit", "expunge", token)


def test_a_root_is_no_part_of_a_plan_and_a_folder_instead_of_a_token_is_marked(tmp_path: Path) -> None:
    """Orders that wait are not planned anew for it; a reviewer of the map sees that the root's copies count from now on."""
    path = tmp_path / "expunge.yaml"
    maps = []
    for root in ("", f"vault_root: {TOKEN}}}\n", "vault_root: {kind: folder}\n"):
        path.write_text(MAP + root)
        maps.append(read_map(path, {}, kinds=Kinds()))
    assert len(set(map(digest, maps))) == 1
    assert map_diff(maps[0], maps[2]) == ()
    (change,) = map_diff(maps[1], maps[2])
    assert change.weaker == ("copies of the root's folder open epochs that were destroyed",)
    (change,) = map_diff(maps[2], maps[1])
    assert not change.weaker


@pytest.mark.parametrize(
    "root",
    [
        "{kind: hsm}",
        "{kind: folder, token: main}",
        f"{TOKEN}, secret_variable: PIN}}",
        "{kind: pkcs11, library: ./hsm.so, token: main}",
        f"{TOKEN}, url: 'https://x.example'}}",
        f"{TOKEN}, prefix: 'a b'}}",
        f"{TOKEN}, before: {TOKEN}}}}}",
        "{kind: transit, url: 'http://keys.example.org', secret_file: ./token}",
        "{kind: transit, url: 'https://s.3cret@keys.example.org', secret_file: ./token}",
        f"{SERVICE}, mount: '../sys'}}",
        "{kind: transit, url: 'https://keys.example.org', secret_variable: '${BAO}'}",
    ],
)
def test_what_cannot_be_meant_is_a_fault(tmp_path: Path, root: str) -> None:
    path = tmp_path / "expunge.yaml"
    path.write_text(f"{MAP}vault_root: {root}\n")
    faults = examine(path, {}, kinds=Kinds()).faults
    assert {each.rule for each in faults} == {"bad-root"}
    assert all(each.line == 4 for each in faults)
    assert "s.3cret" not in "".join(map(str, faults))
