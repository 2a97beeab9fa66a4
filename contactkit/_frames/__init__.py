"""Records and rows as pandas DataFrames, and back."""
