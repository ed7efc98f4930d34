from django.db import migrations

from dunning.core.tenancy import SecureTenantTables


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0001_initial"),
        ("core", "0002_wall"),
    ]

    operations = [
        SecureTenantTables(
            tables=[
                "CustomerGroup",
                "Customer",
                "Contact",
            ]
        )
    ]
