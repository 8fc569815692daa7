"""Write the folder of a receipt for its subject: the files that an outside verifier needs to check it."""

from __future__ import annotations

from dataclasses import dataclass

from expunge.core.log import dsse, trust
from expunge.core.orders.run import Run
from expunge.core.pages import render
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.signature import ed25519_pem
from expunge.core.verification import receipt_folder, sigstore_bundle
from expunge.engine.execution import issuing
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import Recorder
from expunge.errors import StateCorrupt, UsageError


@dataclass(frozen=True)
class IssuedReceipt:
    """One receipt that was issued."""

    order: OrderId
    round: int
    number: int
    """1-based position of the subject in the order."""
    subject: Pseudonym
    index: int
    """Leaf in the log."""


def issued(context: Context, order: OrderId) -> tuple[IssuedReceipt, ...]:
    """Return every receipt of an order, oldest first. The last receipt of each subject is in force."""
    run = Recorder(context.journal, context.clock, order).run
    return tuple(IssuedReceipt(order, turn, run.subjects.index(subject) + 1, subject, index) for turn, subject, index in run.history)


def latest(run: Run, number: int) -> IssuedReceipt:
    """Return the receipt that holds for the n-th subject. Raises UsageError when none was issued."""
    if not 1 <= number <= len(run.subjects):
        message = f"the order names {len(run.subjects)} people; there is no number {number}"
        raise UsageError(message, help="count from 1")
    subject = run.subjects[number - 1]
    for turn, whom, index in reversed(run.history):
        if whom == subject:
            return IssuedReceipt(run.order, turn, number, subject, index)
    message = "no receipt was issued yet"
    raise UsageError(message, help=f"run `expunge apply {run.order}` first")


def folder(context: Context, which: IssuedReceipt) -> dict[str, bytes]:
    """File name -> bytes; the proof is that of the day it was logged, the page by the template the receipt names."""
    found = issuing.read(context, which.order, which.round, which.number)
    if found is None:
        message = "the files of an issued receipt are missing"
        raise StateCorrupt(message, help="restore the state folder")
    envelope = dsse.parse(found.envelope)
    parsed = trust.parse_canonical(found.policy)
    files = {
        receipt_folder.ENVELOPE: found.envelope,
        receipt_folder.PAE: dsse.pae(envelope.payload),
        receipt_folder.SIGNATURE: envelope.signature,
        receipt_folder.PROOF: found.proof,
        receipt_folder.POLICY: found.policy,
        receipt_folder.SIGNER: ed25519_pem(parsed.signers[0].key),
        receipt_folder.PAGE: render(envelope.payload),
    }
    return files | sigstore_bundle.files_of(files)
