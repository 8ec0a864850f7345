"""Parts of the valley page."""
