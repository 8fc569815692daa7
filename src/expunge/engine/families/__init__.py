"""Families: what a person or a guardian sees and decides by themselves."""
