"""How signed heads of a log are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from expunge.cli.terminal import output

if TYPE_CHECKING:
    from expunge.core.log.signed_head import SignedHead


def cosigned(signed: SignedHead) -> dict[str, Any]:
    """The lines of a head, as JSON values."""
    return {
        "signers": len(signed.signers),
        "cosigned": [{"witness": each.key.name, "at": each.at, "fault": each.fault} for each in signed.cosignatures],
        "ignored": signed.ignored,
    }


def show_lines(signed: SignedHead) -> None:
    """Print who cosigned a head and when, and what does not count."""
    for each in signed.cosignatures:
        name = output.visible(each.key.name)
        output.say(f"witness {name}: {output.moment(each.at)}" + (f", does not count: {each.fault}" if each.fault else ""))
    if signed.ignored:
        lines = output.count(signed.ignored, "line")
        output.note(f"{lines} by keys that the trust policy does not name {'is' if signed.ignored == 1 else 'are'} ignored")
