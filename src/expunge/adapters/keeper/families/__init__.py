"""Hand-overs and recoveries behind the keeper's socket."""
