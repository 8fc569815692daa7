"""Answers for operators: deadlines, duties, tokens, exports."""
