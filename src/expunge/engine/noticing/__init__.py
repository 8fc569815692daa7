"""Use cases of noticing: run the rules over the view log, and decide about what they found."""
