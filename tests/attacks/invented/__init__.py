"""Companies that Hypothesis invents, and the plain outside search that judges what an order left of a person in them."""
