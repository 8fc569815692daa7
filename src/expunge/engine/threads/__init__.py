"""Messages and appeals about an order, between its person and the company."""
