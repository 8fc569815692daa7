"""The server that answers for the API and the pages."""
