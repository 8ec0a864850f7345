"""Parts of the methods page."""
