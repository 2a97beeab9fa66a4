"""The simulator as an HTTP server on loopback."""
