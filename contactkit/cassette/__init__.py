"""Recorded exchanges: their file, replay, recording and comparison with the provider."""
