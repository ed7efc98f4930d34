import django.db.models.deletion
from django.db import migrations, models

import dunning.core.tenancy
import dunning.core.tokens
from dunning.core.tenancy import SecureTenantTables

ORGANIZATION = {
    "db_index": False,
    "default": dunning.core.tenancy.current_organization_id,
    "editable": False,
    "on_delete": django.db.models.deletion.PROTECT,
    "related_name": "+",
    "to": "core.organization",
}
KEY = {"default": dunning.core.tokens.new_id, "editable": False, "primary_key": True, "serialize": False}


class Migration(migrations.Migration):
    dependencies = [("core", "0002_wall"), ("scenarios", "0004_slugs_without_lone_indexes")]

    operations = [
        migrations.CreateModel(
            name="PlanDraft",
            fields=[
                ("id", models.UUIDField(**KEY)),
                ("key", models.SlugField(db_index=False, max_length=40)),
                ("source", models.TextField()),
                ("before", models.TextField(blank=True)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("begun_at", models.DateTimeField()),
                ("begun_by", models.CharField(max_length=120)),
                ("changed_at", models.DateTimeField()),
                ("changed_by", models.CharField(max_length=120)),
                (
                    "based_on",
                    dunning.core.tenancy.TenantForeignKey(
                        blank=True, null=True, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+",
                        to="scenarios.planversion",
                    ),
                ),
                ("organization", models.ForeignKey(**ORGANIZATION)),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("organization", "key"), name="one_draft_per_plan")]},
        ),
        migrations.CreateModel(
            name="DryRun",
            fields=[
                ("id", models.UUIDField(**KEY)),
                ("revision", models.PositiveIntegerField()),
                ("source", models.TextField()),
                ("starts_on", models.DateField()),
                ("ends_on", models.DateField()),
                ("total", models.PositiveIntegerField()),
                ("done", models.PositiveIntegerField(default=0)),
                ("came_to", models.UUIDField(blank=True, null=True)),
                ("counts", models.JSONField(default=dict)),
                ("asked_at", models.DateTimeField()),
                ("asked_by", models.CharField(max_length=120)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "draft",
                    dunning.core.tenancy.TenantForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="dry_runs", to="scenarios.plandraft"
                    ),
                ),
                (
                    "instead_of",
                    dunning.core.tenancy.TenantForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="scenarios.actionplan"
                    ),
                ),
                ("organization", models.ForeignKey(**ORGANIZATION)),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("organization", "draft"), name="one_dry_run_per_draft")]},
        ),
        SecureTenantTables(tables=["PlanDraft", "DryRun"], leaves=["DryRun"]),
    ]
