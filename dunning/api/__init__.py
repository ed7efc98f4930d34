"""Interfaces for programs. Today: the hooks providers call."""
