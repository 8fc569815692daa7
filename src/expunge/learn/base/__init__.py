"""The base of every estimator: files, fixed-point numbers, integer sums, reports."""
