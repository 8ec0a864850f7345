"""OpenCompass: work folders."""
