"""Every write, on disk before it is sent."""
