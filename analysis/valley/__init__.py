"""Where does the ID-OOD gap peak? The entry point is `locating`; `result` defines the result."""
