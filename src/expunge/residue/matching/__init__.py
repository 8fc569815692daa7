"""Compare bytes with traces."""
