"""The debtor's page: no account, no script, one link. docs/portal.md tells how it is built."""
