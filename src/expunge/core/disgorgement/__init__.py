"""Orders of destruction: their limbs, what a limb reaches, and what was derived from it."""
