"""Traces before the erasure, probe and scan after it, and the judgement that a receipt states."""
