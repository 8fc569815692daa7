"""``expunge approvers``: whose keys approve plans, and what the map has to say of a passkey."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expunge.cli.terminal import options, output
from expunge.cli.terminal.installation import opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from expunge.bootstrap.accounts.approver_passkeys import StaffPasskey


def approvers(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """List the keys that approve plans, and the passkeys of officers that the map could name.

    A line of the map is printed for each passkey, and a line of a trust policy for each approver, by which other people check receipts.
    """
    with opened(map_file) as expunge:
        named, found = expunge.map.approvers, expunge.staff.approving_passkeys()
    known = {key for keys in named.values() for key in keys}
    others = [each for each in found if str(each.key) not in known]
    if as_json:
        output.write_json("approvers/1", {"approvers": list(_named(named)), "passkeys": [_as_values(each) for each in others]})
        return
    if not named:
        output.say("the map names no approvers: the person who enters an order carries it out alone")
    for each in _named(named):
        output.say(f"{output.visible(each['approver'])}: {each['kind']}")
        output.say(f"  {each['trust']}")
    for passkey in others:
        label = output.visible(passkey.account.label)
        output.say(f"not in the map: the passkey {passkey.fingerprint} of {label}{'' if passkey.confirmed else ', which nobody confirmed'}")
        line = f"{passkey.key}" if passkey.key else ""
        output.say(f'  approvers: {{NAME: "{line}"}}' if line else "  its algorithm approves nothing: enrol one of another device")


def _named(named: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    from expunge.core.approver_keys import PasskeyKey, parse_approver_key

    for name, keys in sorted(named.items()):
        for text in keys:
            kind = "passkey" if isinstance(parse_approver_key(text), PasskeyKey) else "Ed25519 key"
            yield {"approver": name, "kind": kind, "key": text, "trust": f"approver {name} {text}"}


def _as_values(passkey: StaffPasskey) -> dict[str, object]:
    return {
        "account": passkey.account.id,
        "label": passkey.account.label,
        "fingerprint": passkey.fingerprint,
        "confirmed": passkey.confirmed,
        "key": str(passkey.key) if passkey.key else None,
    }
