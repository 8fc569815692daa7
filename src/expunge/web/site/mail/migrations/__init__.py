"""Migrations of the tables of mail."""
