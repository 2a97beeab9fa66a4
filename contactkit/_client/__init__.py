"""Clients: `connect`, the verbs, and how plans are run."""
