"""The Django app that holds the journal's tables, and the set-up that lets it live in any process.

Importing this package does not import Django; ``configuration`` and ``models`` do.
"""
