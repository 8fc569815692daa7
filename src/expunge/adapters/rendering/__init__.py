"""Renditions of recordings for reviewers, made in processes that are closed."""
