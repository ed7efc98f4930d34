"""Everything that runs the product on one machine with nothing else installed; it imports nothing of the house itself."""
