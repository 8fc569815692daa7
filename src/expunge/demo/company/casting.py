"""The voice and the recordings of each person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random

from expunge.demo.company import people
from expunge.demo.company.people import Household, Profile
from expunge.demo.company.world import Recording, place_text
from expunge.demo.voices.audio import join
from expunge.demo.voices.speech import Clip, Line, Origin, Speech

OWN_RECORDINGS = 5
_LINES = OWN_RECORDINGS + 2
"""Also one to be said with the family, and one that comes late."""
FEWEST = 4
"""Utterances that a recorded voice must have: two of its own, one with the family, one that comes late."""
BEGIN = datetime(2026, 10, 5, 7, 0, tzinfo=UTC)
"""The first recording's day."""

_WORDS = {Origin.RECORDED: "recorded voice", Origin.SYNTHETIC: "synthetic voice (espeak-ng)", Origin.TONE: "tone, no voice"}


def record(homes: tuple[Household, ...], asking: frozenset[str], seed: int, speech: Speech) -> tuple[list[Recording], dict[str, Recording]]:
    """Cast the voices, then let all people speak: their own recordings, one conversation a family, and the late ones."""
    random = Random(f"recordings {seed}")
    everybody = tuple(person for home in homes for person in home.profiles)
    clips = _cast(everybody, people.sentences(everybody, _LINES, seed), speech)
    recordings, late, clock = [], {}, BEGIN
    for home in homes:
        for person in home.profiles:
            for clip in clips[person.profile_id][:-2]:
                clock += timedelta(minutes=random.randint(11, 190), seconds=random.randint(0, 59))
                recordings.append(_own(person, home, clip, clock, random))
            if person.profile_id in asking:
                late[person.profile_id] = _own(person, home, clips[person.profile_id][-1], clock + timedelta(days=40), random)
        if len(home.profiles) > 1:
            speakers = home.profiles[-3:] if home.surname != "Hartley" else home.profiles[:3]
            parts = [clips[person.profile_id][-2] for person in speakers]
            recordings.append(Recording(
                f"cnv_{random.getrandbits(64):016x}", speakers, join([part.sound for part in parts]),
                " / ".join(part.text for part in parts), "+".join(sorted({part.text_from for part in parts})),
                ", ".join(sorted({_WORDS[part.origin] for part in parts})), home.hub, place_text(home.home), clock + timedelta(minutes=7),
            ))  # fmt: skip
    return recordings, late


def _own(person: Profile, home: Household, clip: Clip, at: datetime, random: Random) -> Recording:
    place = random.choice(person.places) if person.places else home.home
    return Recording(
        f"rec_{random.getrandbits(64):016x}", (person,), clip.sound, clip.text, clip.text_from, _WORDS[clip.origin],
        person.tablet or home.hub, place_text(place), at,
    )  # fmt: skip


def _cast(everybody: tuple[Profile, ...], lines: Mapping[str, tuple[str, ...]], speech: Speech) -> dict[str, tuple[Clip, ...]]:
    """Give recorded voices to adults, those of the right language first, and synthetic ones to the rest."""
    free = [voice for voice in speech.voices if len({clip.text for clip in voice.clips}) >= FEWEST]
    cast: dict[str, tuple[Clip, ...]] = {}
    for person in sorted((each for each in everybody if not each.child), key=lambda each: not each.language):
        voice = next((each for each in free if each.language == person.language), None)
        if voice is None and len({each.language for each in free}) == 1 and len(free) > 1:
            # A folder of speech in one language: anybody may have any voice.
            voice = free[0]
        if voice is not None:
            free.remove(voice)
            cast[person.profile_id] = _spread(voice.clips)
    silent = [person for person in everybody if person.profile_id not in cast]
    script = [Line(text, *people.espeak_voice(person, place)) for place, person in enumerate(silent) for text in lines[person.profile_id]]
    said = iter(speech.say(script))
    cast.update({person.profile_id: tuple(next(said) for _ in lines[person.profile_id]) for person in silent})
    return cast


def _spread(clips: tuple[Clip, ...]) -> tuple[Clip, ...]:
    unlike: dict[str, Clip] = {}
    for clip in sorted(clips, key=lambda each: -len(each.text)):
        unlike.setdefault(clip.text.casefold(), clip)
    return tuple(unlike.values())[:_LINES]
