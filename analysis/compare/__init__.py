"""Which of several models is better, and how sure is that? `comparing` is the way in."""
