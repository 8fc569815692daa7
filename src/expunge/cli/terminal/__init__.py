"""The parts that all commands share: options, output, progress, errors, exit codes, prompts."""
