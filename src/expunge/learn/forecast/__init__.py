"""What forgetting will cost, before a model is trained."""
