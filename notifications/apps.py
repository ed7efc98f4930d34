from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        from notifications import (
            checks,  # noqa: F401  its checks register themselves
            news,
        )
        from notifications.webhooks import fan_out

        news.connect()
        fan_out.connect()
