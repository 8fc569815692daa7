"""Measured numbers: each module offers ``run() -> list[Result]``; ``python -m bench --out FILE.json`` runs them all."""
