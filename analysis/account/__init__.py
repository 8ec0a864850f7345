"""What explains the ID-OOD gap of one model? `explanation` is the way in."""
