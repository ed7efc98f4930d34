"""What people type: forms validate, services write."""
