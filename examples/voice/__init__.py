"""Voices: a model that tells women's from men's, a child who is taken out of it, and what that costs those who stay: nothing."""
