"""Arithmetic of tries to come in: limits, attacks, networks of clients, and known passwords."""
