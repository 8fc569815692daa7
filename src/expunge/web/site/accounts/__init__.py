"""Accounts of people: the tables of the pages' database, and how allauth reads them."""
