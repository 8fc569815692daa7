"""Messages and appeals about an order."""
