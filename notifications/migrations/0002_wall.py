from django.db import migrations

from dunning.core.tenancy import SecureTenantTables


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0001_initial"),
        ("core", "0002_wall"),
        ("customers", "0002_wall"),
    ]

    operations = [
        SecureTenantTables(
            tables=[
                "MessageTemplate",
                "ProviderAccount",
                "Message",
                "Attachment",
                "Attempt",
                "DeliveryEvent",
                "Suppression",
            ],
            leaves=[
                "Attachment",
                "Attempt",
                "DeliveryEvent",
                "ProviderAccount",
                "Suppression",
            ],
        )
    ]
