"""Parts of the probe page."""
