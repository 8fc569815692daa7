"""Promises about single items: they are listed without their content, and read in parts by the person to whom they belong."""
