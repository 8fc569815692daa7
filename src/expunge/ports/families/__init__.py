"""Ports of the clerk: what the pages and the API ask about families."""
