"""The demonstration: a small voice-assistant company, and what happens when three people ask to be forgotten."""
