"""Where does the ID-OOD gap peak? `locating` is the way in, `result` what comes out."""
