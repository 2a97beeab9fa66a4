"""What keeps secrets and people out of a recording."""
