"""Worked examples: ``python -m examples.voice OUT``, ``examples.camera``, ``examples.whereabouts``. Each fills one folder."""
