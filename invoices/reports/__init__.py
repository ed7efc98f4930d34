"""Reports over the ledger: SQL gathers what the measures are computed from. Called inside `tenant()`; nothing here writes.

Every figure that counts items is made of `Rows`, and the list behind it is those very rows: they agree to the cent by construction.
"""
