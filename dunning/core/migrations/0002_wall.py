from django.db import migrations

from dunning.core.tenancy import SecureTenantTables


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0001_initial"),
    ]

    operations = [
        SecureTenantTables(
            tables=[
                "OrganizationProfile",
                "AuditHead",
                "AuditEvent",
                "Event",
                "Document",
                "SearchEntry",
            ],
            leaves=[
                "AuditEvent",
                "AuditHead",
                "Event",
                "OrganizationProfile",
                "SearchEntry",
            ],
        )
    ]
