"""Recordings of a person as its family sees them: timelines, playback, who looked."""
