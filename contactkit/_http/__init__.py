"""One call to a provider: decided in a flow, carried by a connection."""
