from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "dunning.core"
    label = "core"
    verbose_name = "Dunning"

    def ready(self) -> None:
        from dunning.core import (
            audit,  # registers the flusher that chains audit events before COMMIT
            checks,  # noqa: F401  its checks register themselves
        )

        audit.install()
