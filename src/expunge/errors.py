"""The one tree of errors, sorted by what the reader must do next.

An error's message says what is wrong and where; ``help`` says what to do about it. Neither ever holds an identifier
or the content of a person. The command line prints both and exits with ``exit_code``; no traceback reaches a user.
"""

from __future__ import annotations


class ExpungeError(Exception):
    """Something went wrong that a person can act on."""

    exit_code = 1

    def __init__(self, message: str, *, help: str = "") -> None:  # noqa: A002 - the field's usual word
        super().__init__(message)
        self.message = message
        self.help = help


class UsageError(ExpungeError):
    """The command or call cannot be understood; call again, corrected."""

    exit_code = 2


class AlreadyThere(UsageError):
    """Another thing has this name already; choose another name."""


class Misconfigured(ExpungeError):
    """The data map or a setting is wrong; fix the file that the message names."""


class NotResolved(ExpungeError):
    """An identifier names nobody, or several people; name the person in another way."""

    exit_code = 2


class Busy(ExpungeError):
    """Another run holds what is needed; try again when it has ended."""


class NotWitnessed(Busy):
    """Witnesses have not cosigned the log yet; what is to be entered waits, signed, and goes in when the same is tried again."""


class Refused(ExpungeError):
    """The gate or the fence does not let this in, or out; nothing was written or read."""


class ExportPaused(Refused):
    """The process that makes a copy ends; the next one makes it anew."""


class DecisionRefused(Refused):
    """The rules of the register of staff do not allow a decision; nothing was decided."""

    def __init__(self, message: str, *, help: str = "", reason: str = "") -> None:  # noqa: A002 - the field's usual word
        super().__init__(message, help=help)
        self.reason = reason
        """The value of a :class:`expunge.core.accounts.staff_acts.StaffRule`, then the words of the rights that it is about."""


class DeskRefused(Refused):
    """The review desk let nothing be seen or done; a refusal is in the journal."""

    def __init__(self, message: str, *, help: str = "", reason: str = "") -> None:  # noqa: A002 - the field's usual word
        super().__init__(message, help=help)
        self.reason = reason
        """The rules that refused, sorted, with spaces between. Programs go by these."""

    @property
    def rules(self) -> tuple[str, ...]:
        """Return the rules that refused."""
        return tuple(self.reason.split())


class Drift(ExpungeError):
    """The world changed since the plan was made; plan again."""


class NeedsApproval(ExpungeError):
    """A gate waits for a person."""

    exit_code = 5


class IllegalTransition(ExpungeError):
    """The order is not in a state in which this can be done."""


class SessionGone(ExpungeError):
    """An opening or an upload of a vault has ended: it was closed or idle, or its process began anew; begin it again."""


class ItemGone(ExpungeError):
    """An item is not there any more, was replaced, or is not this person's; look at the list again."""


class Unplayable(ExpungeError):
    """Content is no sound, film or picture that is given to browsers, or it is damaged; nothing of it was given out."""


class WrongOffset(ExpungeError):
    """The bytes are not those with which an upload goes on; send from ``received`` on."""

    def __init__(self, message: str, *, help: str = "", received: int = 0) -> None:  # noqa: A002 - the field's usual word
        super().__init__(message, help=help)
        self.received = received


class SenderRefused(ExpungeError):
    """A program's token is missing, unknown, revoked, over, or not for this; ask the operator for another."""

    def __init__(self, message: str, *, help: str = "", reason: str = "") -> None:  # noqa: A002 - the field's usual word
        super().__init__(message, help=help)
        self.reason = reason
        """The name of a member of :class:`expunge.core.journal.access_tokens.TokenRefused`."""


class ProofRefused(ExpungeError):
    """A passkey, a code or a permit does not hold for what is asked; nothing was done. Confirm again, or with another method."""


class CredentialCopied(ProofRefused):
    """The counter of a security key went back, as it does when the key was copied; it confirms nothing any more."""


class ChallengeEnded(ProofRefused):
    """A challenge, a code or a permit was used, or its time is over, or the keeper began anew; begin again."""


class NotPermitted(ExpungeError):
    """The account may not do what is asked; nothing was done."""


class OpeningNeeded(NotPermitted):
    """The account has to confirm with a credential before content of a family is shown; nothing was shown."""


class HandOverRefused(ExpungeError):
    """A hand-over token of the company does not hold, or not for this account; open a new link in its app."""

    def __init__(self, message: str, *, help: str = "", reason: str = "") -> None:  # noqa: A002 - the field's usual word
        super().__init__(message, help=help)
        self.reason = reason
        """The value of a member of :class:`expunge.core.accounts.hand_over.HandOverFault`."""


class GuardianshipRefused(ExpungeError):
    """What an account asks about guardians of a child cannot be done now, for a reason that a page explains; nothing was changed."""

    def __init__(self, message: str, *, help: str = "", reason: str = "") -> None:  # noqa: A002 - the field's usual word
        super().__init__(message, help=help)
        self.reason = reason
        """The value of a member of :class:`expunge.core.consent.guardian_faults.GuardianFault`."""


class AppRefused(ExpungeError):
    """A request of the company's app is refused; nothing was done by it."""

    def __init__(self, message: str, *, help: str = "", reason: str = "") -> None:  # noqa: A002 - the field's usual word
        super().__init__(message, help=help)
        self.reason = reason
        """The value of a :class:`expunge.core.families.app_access.AppFault`."""


class EvidenceInvalid(ExpungeError):
    """A receipt, proof or log does not verify or cannot be parsed; do not rely on it."""

    exit_code = 6


class SealInvalid(ExpungeError):
    """Sealed content was changed, cut or moved, or the key is another; nothing of what is in doubt is given out."""


class StateCorrupt(ExpungeError):
    """Expunge's own state contradicts itself; stop, restore or ask for help, never overwrite."""


class StateRolledBack(StateCorrupt):
    """A part of Expunge's own state is an older copy than another; a person decides before anything is carried out."""


class StateUnavailable(ExpungeError):
    """Expunge's own state cannot be read or written now (disk full, permission); run again when that is mended."""


class KeeperAway(StateUnavailable):
    """The process that holds the keys does not answer; nothing is lost, and the same call is safe to repeat once it runs again."""


class ClerkAway(StateUnavailable):
    """The process that answers families does not answer; nothing is lost, and the same call is safe to repeat once it runs again."""


class KeyDestroyed(ExpungeError):
    """The key was destroyed on purpose; what it sealed cannot be read by anybody."""


class KeyUnknown(ExpungeError):
    """No key of that name lies here; it was never made, or its row was lost."""


class KeystoreLocked(ExpungeError):
    """The keystore needs its passphrase, or the one given is wrong."""

    exit_code = 2


class RootUnavailable(ExpungeError):
    """The place of the epoch keys (a token, a key service, a disk) does not answer now; nothing was lost, try again later."""


class StoreUnavailable(ExpungeError):
    """A store cannot be reached or opened now; other stores go on and the step can be tried again."""


class StoreFull(StoreUnavailable):
    """A store has no room left; make room, and try again."""


class TakenOver(ExpungeError):
    """The lease under which this step ran has passed to another worker, which finishes it; what was done here does not count."""


class HeldMeanwhile(ExpungeError):
    """A hold was placed while a step was erasing what it keeps; the step looks again and goes on with the rest."""


class Conflict(ExpungeError):
    """Somebody else appended to this journal stream first; read it again."""


class CouldNotLook(ExpungeError):
    """A scan or probe could not be made; the verdict is *cannot tell*, never *gone*."""


class LogUnreached(ExpungeError):
    """A log or a witness does not answer now; ask again later. That shows nothing about it."""


class Undelivered(ExpungeError):
    """A recipient could not be reached, or did not take what was handed to it; it still has to be told."""
