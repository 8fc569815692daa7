"""The review desk: how staff come to see a recording, as values and pure functions."""
