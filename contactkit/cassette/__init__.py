"""Recorded exchanges: what was asked and answered, its file, and how a request finds its answer."""
