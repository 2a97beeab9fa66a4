"""Many accounts at once: on a Dask cluster, or on threads here."""
