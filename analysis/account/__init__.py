"""What explains the ID-OOD gap of one model? The entry point is `explanation`."""
