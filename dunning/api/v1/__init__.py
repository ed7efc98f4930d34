"""Version 1 of the REST API, a module for each kind of thing: what is shown and taken of it, and the one call each operation makes."""
