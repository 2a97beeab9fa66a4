"""Clients: `connect`, the verbs, and how both run."""
