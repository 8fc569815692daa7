"""FAISS indexes in a folder."""
