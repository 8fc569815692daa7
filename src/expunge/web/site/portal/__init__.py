"""The pages of a family: what is held about a person, and what guardians may do about it. The clerk answers for them."""
