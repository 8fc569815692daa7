"""The review desk: how staff come to see a recording and how it is shown, as values and pure functions."""
