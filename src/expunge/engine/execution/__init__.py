"""Carry an order out: plan, steps, workers, receipts."""
