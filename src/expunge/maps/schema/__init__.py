"""The JSON Schema of a map."""
