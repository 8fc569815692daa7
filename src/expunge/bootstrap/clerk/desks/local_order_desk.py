"""Orders for the pages of staff in the clerk's process. Who asks is looked up at the keeper and in the register at each call."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from expunge.bootstrap.accounts.approver_passkeys import StaffPasskey, passkeys_of
from expunge.bootstrap.clerk.household import Household
from expunge.core.accounts.staff import StaffRight
from expunge.core.approver_keys import PasskeyAssertion, passkey_challenge, read_response, verify_approval
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.engine.accounts.staff_register import StaffStream
from expunge.engine.consent import approving
from expunge.engine.execution import issued_receipts
from expunge.engine.kernel.context import Context
from expunge.engine.requests import staff_orders
from expunge.errors import CredentialCopied, DeskRefused, IllegalTransition, Refused
from expunge.ports.accounts.account_register import UseResult
from expunge.ports.review.desk_door import DeskCaller
from expunge.ports.review.order_desk import ApprovalBar, OrderCard, OrderPage, SigningAsk

_FOLLOW = frozenset({StaffRight.FOLLOW_ORDERS, StaffRight.APPROVE_ORDERS, StaffRight.READ_EVIDENCE})
_WHY = {
    ApprovalBar.NO_PLAN: ("the order has no plan yet", "have it planned first"),
    ApprovalBar.NOT_WAITING: ("the plan waits for no approval any more", "open the order again"),
    ApprovalBar.NONE_ASKED: ("the map names no approvers", "the order needs no approval"),
    ApprovalBar.NO_RIGHT: ("this account may not approve plans", "an administrator grants the right"),
    ApprovalBar.NO_KEY: ("the map names none of this account's passkeys", "`expunge approvers` prints what the map has to say"),
    ApprovalBar.OWN_ORDER: ("the same person entered the order", "another approver has to sign"),
}


@dataclass(frozen=True)
class LocalOrderDesk:
    """Implements ``expunge.ports.review.order_desk.OrderDeskDoor``."""

    household: Household

    def orders(self, caller: DeskCaller) -> tuple[OrderCard, ...]:
        """See the port."""
        self._require(caller, *_FOLLOW)
        return staff_orders.listed(self._context)

    def order(self, caller: DeskCaller, order: str) -> OrderPage:
        """See the port."""
        rights = self._require(caller, *_FOLLOW)
        return self._page(caller, rights, staff_orders.found(self._context, order))

    def begin_approval(self, caller: DeskCaller, order: str, digest: str) -> SigningAsk:
        """See the port."""
        run, name, passkeys = self._may_approve(caller, order, digest)
        assert run.plan is not None
        spec = self._context.data_map.accounts
        assert spec is not None
        challenge = passkey_challenge(name, approving.message(run.order, run.plan))
        return SigningAsk(challenge, spec.host, tuple(each.credential for each in passkeys))

    def approve(self, caller: DeskCaller, order: str, digest: str, response: bytes) -> OrderPage:
        """See the port."""
        credential, assertion = read_response(response)
        rights = self._require(caller, StaffRight.APPROVE_ORDERS)
        known = staff_orders.found(self._context, order)
        if any(each.signature == str(assertion) and each.digest == digest for each in known.approvals):
            # Why: a client whose answer was lost asks again.
            return self._page(caller, rights, known)
        run, name, passkeys = self._may_approve(caller, order, digest)
        passkey = next((each for each in passkeys if each.credential == credential), None)
        if passkey is None or passkey.key is None or run.plan is None:
            raise Refused("this passkey is none of the account's that the map names", help="use the passkey that the map names")
        verify_approval(passkey.key, name, str(assertion), approving.message(run.order, run.plan))
        self.household.reviews.note_use(caller.account, StaffRight.APPROVE_ORDERS)
        # Why before the approval: one by a copied key must not stand.
        self._count(caller, credential, assertion)
        return self._page(caller, rights, self.household.expunge.approve(run.order, name, str(assertion)))

    def receipt(self, caller: DeskCaller, order: str, number: int) -> dict[str, bytes]:
        """See the port."""
        self._require(caller, StaffRight.READ_EVIDENCE)
        run = staff_orders.found(self._context, order)
        return issued_receipts.folder(self._context, issued_receipts.latest(run, number))

    @property
    def _context(self) -> Context:
        return self.household.expunge.context

    def _require(self, caller: DeskCaller, *rights: StaffRight) -> frozenset[StaffRight]:
        held = self.household.reviews.rights_in_login(caller)
        if held.isdisjoint(rights):
            raise DeskRefused("this account has no right to that", help="an administrator grants rights", reason="no-right")
        return held

    def _page(self, caller: DeskCaller, rights: frozenset[StaffRight], run: Run) -> OrderPage:
        name, _ = self._own(caller)
        return OrderPage(
            staff_orders.card(self._context, run),
            run.plan.scope.basis if run.plan is not None and run.plan.scope is not None else "",
            run.received.channel,
            run.received.earliest,
            run.reasons,
            staff_orders.plan_of(run),
            tuple(sorted(self._context.data_map.approvers)),
            name,
            self._bar(rights, run, name),
            StaffRight.READ_EVIDENCE in rights,
        )

    def _bar(self, rights: frozenset[StaffRight], run: Run, name: str) -> ApprovalBar | None:
        """Return what keeps an account of a name in the map from approving an order."""
        context = self._context
        if run.plan is None:
            return ApprovalBar.NO_PLAN
        if run.state is not OrderState.PLANNED:
            return ApprovalBar.NOT_WAITING
        if not context.data_map.approvers:
            return ApprovalBar.NONE_ASKED
        if StaffRight.APPROVE_ORDERS not in rights:
            return ApprovalBar.NO_RIGHT
        if not name:
            return ApprovalBar.NO_KEY
        requester = run.received.requester
        return ApprovalBar.OWN_ORDER if requester and approving.are_one_person(context, name, requester) else None

    def _may_approve(self, caller: DeskCaller, order: str, digest: str) -> tuple[Run, str, tuple[StaffPasskey, ...]]:
        """Return an order whose plan of that digest an account may approve, its name in the map, and its passkeys that count."""
        rights = self._require(caller, StaffRight.APPROVE_ORDERS)
        run = staff_orders.found(self._context, order)
        name, passkeys = self._own(caller)
        bar = self._bar(rights, run, name)
        if bar is not None:
            message, mend = _WHY[bar]
            raise IllegalTransition(message, help=mend)
        if run.plan is None or run.plan.digest != digest:
            raise IllegalTransition("the order was planned anew since this page was made", help="read the plan of now, and sign that")
        return run, name, passkeys

    def _own(self, caller: DeskCaller) -> tuple[str, tuple[StaffPasskey, ...]]:
        """Return the name in the map that an account's confirmed passkeys sign under, and those passkeys; an empty name for none."""
        spec = self._context.data_map.accounts
        account = StaffStream(self._context.journal).known().accounts.get(caller.account)
        if spec is None or account is None:
            return "", ()
        held = [each for each in passkeys_of(account, self.household.register, spec.origin) if each.confirmed and each.key]
        for name, keys in sorted(self._context.data_map.approvers.items()):
            counting = tuple(each for each in held if str(each.key) in keys)
            if counting:
                return name, counting
        return "", ()

    def _count(self, caller: DeskCaller, credential: bytes, assertion: PasskeyAssertion) -> None:
        """Count the use at the keeper's own tables, as a login does: a key whose counter goes back was copied."""
        now = self._context.clock.now()
        used = self.household.register.use_credential(UUID(caller.account), credential, assertion.sign_count, now)
        if used is not UseResult.COUNTED:
            message = "the counter of this security key went back, as it does when a key is copied: it approves nothing any more"
            raise CredentialCopied(message, help="use another passkey, remove this one, and tell an administrator; nothing was approved")
