"""A family's word about reviews, behind the clerk's socket."""
