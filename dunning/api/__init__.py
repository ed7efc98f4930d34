"""Interfaces for programs: the REST API (`/api/v1/`) and the hooks providers call."""
