"""Propose a first map from folders, tables and other tools."""
