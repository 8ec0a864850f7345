"""Parts of the runs page: bringing results in, and who is who."""
