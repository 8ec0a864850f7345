"""Parts of the samples page."""
