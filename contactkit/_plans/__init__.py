"""Plans: the difference between two frames, applied, resumed and undone."""
