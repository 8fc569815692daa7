"""Retention rules, ages, inactivity, and public claims."""
