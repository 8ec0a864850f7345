"""Parts of the emergence page."""
