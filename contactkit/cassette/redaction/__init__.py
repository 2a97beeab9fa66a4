"""Takes secrets and personal values out of recordings."""
