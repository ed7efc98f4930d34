"""A life played day by day through the real engine: the demonstration's year, and any file with its own dates."""
