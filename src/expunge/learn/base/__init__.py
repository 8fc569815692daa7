"""What every estimator is built on: files, fixed-point numbers, integer sums, reports."""
