"""What stores of columns share: values, times and rows of Arrow tables."""
