"""The requests of a family, and the letters about each step of them."""
