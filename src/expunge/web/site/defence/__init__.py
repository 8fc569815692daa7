"""The defence of every way in: throttles before hashing, attacks written as incidents, known passwords refused, even answers, notices."""
