"""The reports on screen: each module turns one report of the floors below into figures, a drawing and the tables that say the same."""
