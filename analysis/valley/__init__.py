"""Where does the ID-OOD gap peak, what explains it, how does it go with size? `locating` is the way in, `result` what comes out."""
