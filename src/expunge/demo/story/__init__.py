"""The chapters of the demonstration."""
