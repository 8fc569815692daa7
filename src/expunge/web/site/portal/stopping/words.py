"""Words of the pages on which a family stops things, for the words that the journal and the map have."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from expunge.core.consent.board import Speaker
from expunge.core.consent.consent import ConsentReason
from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.purposes import Ground, Use
from expunge.core.retention.own_periods import OwnPeriod

GROUPS: Mapping[Use, tuple[Promise, Promise]] = {
    Use.COLLECTION: (gettext_lazy("Collecting"), gettext_lazy("What the devices and the app take in, and what for.")),
    Use.REVIEW: (gettext_lazy("People who listen or look"), gettext_lazy("Staff who hear or see recordings, to find out what went wrong.")),
    Use.TRAINING: (gettext_lazy("Teaching computers"), gettext_lazy("Recordings that programs learn from.")),
    Use.DISCLOSURE: (gettext_lazy("Giving to other companies"), gettext_lazy("Who else gets something. Each one has a switch of its own.")),
}
"""The first use of a group -> its title, and what it is about."""
STATES: Mapping[ConsentReason, Promise] = {
    ConsentReason.AGREED: gettext_lazy("Allowed"),
    ConsentReason.OTHER_GROUND: gettext_lazy("Needed"),
    ConsentReason.NEVER: gettext_lazy("Not allowed"),
    ConsentReason.WITHDRAWN: gettext_lazy("Stopped"),
}
"""In one word or two; *not allowed* for every other."""
NOT_ALLOWED = STATES[ConsentReason.NEVER]
REASONS: Mapping[ConsentReason, Promise] = {
    ConsentReason.NEVER: gettext_lazy("No person has agreed to this, so it is not done."),
    ConsentReason.TEXT: gettext_lazy("What you agreed to has changed since. Until you agree to the new text, it is not done."),
    ConsentReason.TERMS: gettext_lazy("It would now go further than what you agreed to. Until you agree to that, it is not done."),
    ConsentReason.METHOD: gettext_lazy("Other companies would get data, and the way you agreed is not enough for that. It is not done."),
    ConsentReason.NO_AUTHORITY: gettext_lazy("The person who agreed may not decide any more, so it is not done."),
    ConsentReason.FROZEN: gettext_lazy("Guardians are in dispute. Until that is settled, it is not done."),
}
GROUNDS: Mapping[Ground, Promise] = {
    Ground.CONSENT: gettext_lazy("You decide."),
    Ground.CONTRACT: gettext_lazy("The service that you signed up for cannot work without it, so it has no switch."),
    Ground.LEGAL_OBLIGATION: gettext_lazy("The law asks for it, so it has no switch."),
    Ground.VITAL_INTERESTS: gettext_lazy("It protects a life, so it has no switch."),
    Ground.PUBLIC_TASK: gettext_lazy("It is a public task, so it has no switch."),
    Ground.LEGITIMATE_INTERESTS: gettext_lazy(
        "The company says that it needs this, so it has no switch. You can object: write to the company."
    ),
}
ACTS: Mapping[EraseAct, Promise] = {
    EraseAct.ERASE: gettext_lazy("%(kind)s will be erased."),
    EraseAct.FORGET: gettext_lazy("%(kind)s will forget the child."),
    EraseAct.REBUILD: gettext_lazy("%(kind)s will be made again without the child."),
    EraseAct.RETRAIN: gettext_lazy("%(kind)s will be trained again without the child."),
    EraseAct.DESTROY: gettext_lazy("%(kind)s will be erased as a whole."),
    EraseAct.KEEP: gettext_lazy("%(kind)s will be kept, because the law asks for it."),
}
SPEAKERS: Mapping[Speaker, Promise] = {
    Speaker.YOU: gettext_lazy("you, on these pages"),
    Speaker.ANOTHER_ACCOUNT: gettext_lazy("another person of the family, on these pages"),
    Speaker.GUARDIAN: gettext_lazy("a guardian"),
    Speaker.PERSON: gettext_lazy("the child or the family, in the app"),
}
PERIODS: Mapping[OwnPeriod, Promise] = {
    OwnPeriod.DAYS_30: gettext_lazy("30 days"),
    OwnPeriod.MONTHS_3: gettext_lazy("3 months"),
    OwnPeriod.MONTHS_18: gettext_lazy("18 months"),
    OwnPeriod.NOT_KEPT: gettext_lazy("Not at all: erase it every day"),
}
