"""A map as a document: lines, words, faults."""
