"""Record what a model was trained on: ledgers, seals, runs of MLflow."""
