"""The one error this package shows people."""


class LocalError(Exception):
    """Something that stops a command, said in one sentence a person can act on."""
