"""Post to services that the map names: recipients and lineage services."""
