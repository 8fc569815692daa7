"""What stores of tables share."""
