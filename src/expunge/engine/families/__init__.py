"""Use cases of families: what is held about a person, as guardians see it, and what they may do about it."""
