"""The lineage of datasets: declared, observed and undeclared."""
