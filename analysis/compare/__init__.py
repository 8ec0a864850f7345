"""Which of several models is better, and how certain is that? The entry point is `comparing`."""
