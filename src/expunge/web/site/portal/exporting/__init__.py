"""The pages on which an account asks for a copy of what is held, sees it made, and downloads it."""
