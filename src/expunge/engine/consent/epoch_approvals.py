"""Approvals of the destruction of an epoch: two people sign the digest of what is destroyed. One person under two names is one."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256

from expunge.core.journal.epoch_events import EpochApproved
from expunge.core.values import canonical, codec
from expunge.engine.consent import approving
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import EPOCHS, read_register, register
from expunge.errors import EvidenceInvalid, NeedsApproval, UsageError
from expunge.ports.vault.key_epochs import EpochEnd

PEOPLE = 2
"""How many have to agree."""


def digest(vault: str, end: EpochEnd) -> str:
    """Return the digest of what is destroyed, given the name of the installation."""
    said: dict[str, canonical.Json] = {
        "vault": vault,
        "epoch": end.number,
        "made": codec.instant(end.made),
        "shreds": end.shreds,
        "register": end.register.hex(),
    }
    return sha256(canonical.encode(said)).hexdigest()


def message(vault: str, end: EpochEnd) -> bytes:
    """Return the bytes that an approver signs."""
    return f"expunge destroy-epoch/1\n{vault}\nepoch {end.number} made {codec.instant(end.made)}\n{digest(vault, end)}\n".encode()


def approve(
    context: Context, vault: str, end: EpochEnd, approver: str, signed: str, holder: approving.RequireHolder = approving.no_holder
) -> tuple[str, ...]:
    """Enter an approval; return who approves by now. The same again changes nothing.

    Raises:
        UsageError: no such approver, or one whose key approved under another name, or no signature.
        EvidenceInvalid: the signature is not over this.
        Refused: as ``holder``, which is asked about a passkey that signed.
    """
    what = ("destruction", "sign what `expunge vault approve EPOCH --message` prints")
    approving.check_signature(context, approver, signed, message(vault, end), what, holder)
    others = agreed(context, vault, end)
    if approver in others:
        return others
    if any(approving.are_one_person(context, approver, each) for each in others):
        text = f"the key of {approver} has approved this under another name"
        raise UsageError(text, help="two people have to agree, each with a key of their own")
    register(context.journal, EPOCHS, EpochApproved(context.clock.now(), end.number, digest(vault, end), approver, signed))
    return agreed(context, vault, end)


def agreed(context: Context, vault: str, end: EpochEnd) -> tuple[str, ...]:
    """Return the approvers of the map as it is now who signed exactly this; one for each person."""
    said, wanted = message(vault, end), digest(vault, end)
    found: list[str] = []
    for event in read_register(context.journal, EPOCHS):
        if isinstance(event, EpochApproved) and event.digest == wanted:
            with suppress(UsageError, EvidenceInvalid):
                approving.check_signature(context, event.approver, event.signature, said, ("destruction", ""), approving.any_holder)
                if not any(approving.are_one_person(context, event.approver, each) for each in found):
                    found.append(event.approver)
    return tuple(sorted(found))


def require(context: Context, vault: str, end: EpochEnd) -> tuple[str, ...]:
    """Return who approved. Raises NeedsApproval where fewer than two people did, or the map names fewer."""
    names = agreed(context, vault, end)
    if len(names) >= PEOPLE:
        return names
    known = context.data_map.approvers
    if not any(not approving.are_one_person(context, first, second) for first in known for second in known):
        text = "the destruction of an epoch takes the approval of two people, and the map names fewer approvers"
        raise NeedsApproval(text, help="name them under `approvers:`, each with a key of their own")
    text = f"the destruction of epoch {end.number} takes the approval of two people; so far: {', '.join(names) or 'nobody'}"
    raise NeedsApproval(text, help=f"`expunge vault approve {end.number} --as NAME`, each with --signature or --key")
