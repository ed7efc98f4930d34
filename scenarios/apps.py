from django.apps import AppConfig


class ScenariosConfig(AppConfig):
    name = "scenarios"

    def ready(self) -> None:
        from scenarios import news, receivers

        news.connect()
        receivers.connect()
