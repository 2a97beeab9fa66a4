"""Removes secrets and personal values from recordings."""
