"""Orders of destruction: their limbs, the data and artefacts that a limb reaches, and everything derived from them."""
