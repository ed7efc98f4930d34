from django.db import migrations

from dunning.core.tenancy import SecureTenantTables


class Migration(migrations.Migration):
    dependencies = [
        ("invoices", "0001_initial"),
        ("core", "0002_wall"),
        ("customers", "0002_wall"),
    ]

    operations = [
        SecureTenantTables(
            tables=[
                "Dispute",
                "Promise",
                "Hold",
                "DebtorAct",
                "Invoice",
                "Installment",
                "ImportBatch",
                "ImportRow",
                "LedgerCoverage",
                "ReferenceRate",
                "Payment",
                "Allocation",
                "WriteOff",
            ],
            leaves=[
                "Allocation",
                "DebtorAct",
                "ImportRow",
                "LedgerCoverage",
                "Promise",
                "ReferenceRate",
                "WriteOff",
            ],
        )
    ]
