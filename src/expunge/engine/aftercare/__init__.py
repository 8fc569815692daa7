"""Look again after an order has ended: sweeps, restored backups, data that reappeared."""
