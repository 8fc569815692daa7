"""Which dataset was derived from which: declared, observed, and what nobody declared."""
