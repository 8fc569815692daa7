"""Migrations of the tables of staff in the pages' database."""
