from django.db import migrations

from dunning.core.tenancy import SecureTenantTables


class Migration(migrations.Migration):
    dependencies = [
        ("scenarios", "0001_initial"),
        ("core", "0002_wall"),
        ("customers", "0002_wall"),
        ("invoices", "0002_wall"),
        ("notifications", "0002_wall"),
    ]

    operations = [
        SecureTenantTables(
            tables=[
                "ActionPlan",
                "PlanVersion",
                "PlanStep",
                "PlanAssignment",
                "DailyRun",
                "Task",
                "TaskAttempt",
                "Action",
                "ActionMessage",
                "Commitment",
                "Schedule",
            ],
            leaves=[
                "ActionMessage",
                "Commitment",
                "PlanAssignment",
                "PlanStep",
                "Schedule",
                "TaskAttempt",
            ],
        )
    ]
