"""The pages: each asks one question below, and hands plain data to its template."""
