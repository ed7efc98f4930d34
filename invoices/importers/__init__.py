"""Files become rows of the ledger: read, understood, checked against what is known, written as sets (docs/imports.md)."""
