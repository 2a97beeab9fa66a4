"""Recorded exchanges: the tape, its matching, and what is never written to it."""
