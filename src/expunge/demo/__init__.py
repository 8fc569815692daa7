"""The demonstration: a small voice-assistant company, and the orders of three people who ask to be forgotten."""
