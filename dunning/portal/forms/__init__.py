"""Questions of the debtor's page."""
