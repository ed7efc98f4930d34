from django.apps import AppConfig
from django.conf import settings


class CoreConfig(AppConfig):
    name = "dunning.core"
    label = "core"
    verbose_name = "Dunning"

    def ready(self) -> None:
        from dunning.core import (
            audit,  # registers the flusher that chains audit events before COMMIT
            checks,  # noqa: F401  its checks register themselves
            clock,
            events,
            failpoints,
            selectors,
        )

        audit.install()
        events.describe_by("organization", selectors.describe_organizations)
        failpoints.arm(failpoints.parse(settings.FAILPOINT))
        clock.shift(settings.TRIAL.get("offset", 0.0))
