"""Look into stores that no map declares yet, to propose a first one. Nothing of what is read is kept."""
