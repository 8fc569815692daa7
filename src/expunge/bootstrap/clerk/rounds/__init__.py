"""The threads of the clerk: each goes round beside the answers, or carries out one thing after another."""
