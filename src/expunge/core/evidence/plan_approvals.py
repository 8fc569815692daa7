"""Approvals of plans: the message that an approver signs, and how a receipt has an approval, so that any person can check it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from expunge.core import approver_keys
from expunge.core.approver_keys import is_assertion, parse_approver_key
from expunge.core.values.ids import OrderId, PlanDigest


def approval_message(order: OrderId, digest: PlanDigest, loss: str) -> bytes:
    """Return the bytes that an approver signs.

    Args:
        order: the order.
        digest: of its plan.
        loss: the sentence about what people outside the order lose by it; empty where nobody loses anything.
    """
    last = f"{loss}\n" if loss else ""
    return f"expunge approval/1\n{order}\n{digest}\n{last}".encode()


def way_of(approver: str, signature: str) -> str:
    """Return who signed, and by what, in words: ``passkey of dana``. Nothing is checked."""
    return f"{'passkey' if is_assertion(signature) else 'Ed25519 key'} of {approver}"


@dataclass(frozen=True)
class PlanApproval:
    """An approval of the plan of a receipt. Raises EvidenceInvalid where its key is none, ValueError where it says nothing."""

    approver: str
    """The name under ``approvers:`` of the map."""
    key: str
    """The text of the key, as the map had it."""
    signature: str
    """Base64 of an Ed25519 signature, or the text of a passkey's answer."""
    at: datetime
    """When it was entered."""
    loss: str
    """The last line of the message; see :func:`approval_message`."""

    def __post_init__(self) -> None:
        if not (self.approver and self.signature):
            message = "an approval without a name or a signature"
            raise ValueError(message)
        parse_approver_key(self.key)

    @property
    def by_passkey(self) -> bool:
        """Return whether a passkey signed it."""
        return is_assertion(self.signature)

    @property
    def way(self) -> str:
        """Return the signer in words: ``passkey of dana``."""
        return way_of(self.approver, self.signature)

    def verify(self, order: OrderId, digest: PlanDigest) -> None:
        """Check it for the order and the plan of a receipt. Raises EvidenceInvalid."""
        approver_keys.verify_approval(
            parse_approver_key(self.key), self.approver, self.signature, approval_message(order, digest, self.loss)
        )
