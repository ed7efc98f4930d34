"""What may be done with plans: verb first, keyword only, one transaction with its audit event."""
