"""People: one table over all providers, and the strictest consent for each."""
