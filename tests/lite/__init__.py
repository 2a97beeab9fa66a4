"""A JupyterLite site: the notebooks and contactkit in a browser, from packages alone."""
