"""LanceDB tables in a local folder."""
