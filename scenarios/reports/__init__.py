"""Reports over plans: what steps bring and cost, who collects, what waits for us. Called inside `tenant()`; nothing here writes."""
