"""The made-up company of the demonstration, and searches that share no code with Expunge."""
