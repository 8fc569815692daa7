"""The cost of forgetting, forecast before a model is trained."""
