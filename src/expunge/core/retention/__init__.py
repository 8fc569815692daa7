"""Retention rules, ages, inactivity, and what is claimed in public."""
