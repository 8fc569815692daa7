"""The command line: thin, one file per noun. Everything heavy is imported inside commands, so that ``--help`` stays fast."""
