"""News from the floors below, and the answer to `about_to_send`."""


def connect() -> None:
    """Connect every receiver once; called when the application starts."""
