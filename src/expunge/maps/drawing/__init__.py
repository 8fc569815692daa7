"""The lineage of a map as a picture and as a tree."""
