"""What every test may use. The fixtures of one subject live in their own module and are announced here."""

pytest_plugins = ["tests.database_fixtures", "tests.browser_fixtures"]
