"""Estimators whose state is a sum of integers, so that a record can be taken out exactly."""
