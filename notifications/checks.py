"""System checks of what other floors must provide."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register

from notifications.signals import about_to_send


@register()
def one_receiver(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """The question asked before a message leaves has exactly one receiver: without it anything would leave, with two nobody decides."""
    receivers = len(about_to_send.receivers)
    if receivers == 1:
        return []
    return [
        Error(
            f"notifications.signals.about_to_send has {receivers} receivers; it needs exactly one.",
            hint="scenarios.receivers.connect() connects it when the application starts.",
            id="notifications.E001",
        )
    ]
