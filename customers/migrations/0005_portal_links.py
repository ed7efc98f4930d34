import django.contrib.postgres.fields
import django.db.models.deletion
import dunning.core.tenancy
import dunning.core.tokens
from django.db import migrations, models

from dunning.core.tenancy import SecureTenantTables


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0003_portal_ground'),
        ('customers', '0004_slugs_without_lone_indexes'),
    ]

    operations = [
        migrations.CreateModel(
            name='PortalToken',
            fields=[
                ('id', models.UUIDField(default=dunning.core.tokens.new_id, editable=False, primary_key=True, serialize=False)),
                ('organization_id', models.UUIDField()),
                ('customer_id', models.UUIDField()),
                ('contact_id', models.UUIDField()),
                ('message_id', models.UUIDField()),
                ('generation', models.PositiveSmallIntegerField(default=1)),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('actions', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=16), size=None)),
                ('items', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('last_used_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['contact_id', 'created_at'], name='portal_token_by_contact')],
                'constraints': [models.UniqueConstraint(fields=('message_id', 'generation'), name='portal_token_generation')],
            },
        ),
        migrations.CreateModel(
            name='PortalVisit',
            fields=[
                ('id', models.UUIDField(default=dunning.core.tokens.new_id, editable=False, primary_key=True, serialize=False)),
                ('message_id', models.UUIDField()),
                ('at', models.DateTimeField()),
                ('machine', models.CharField(blank=True, choices=[('head', 'asked for the headers alone'), ('at_once', 'within a minute of sending'), ('no_cookie', 'kept no cookie'), ('named', 'names itself')], max_length=12)),
                ('user_agent', models.CharField(blank=True, max_length=300)),
                ('contact', dunning.core.tenancy.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.contact')),
                ('customer', dunning.core.tenancy.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.customer')),
                ('organization', models.ForeignKey(db_index=False, default=dunning.core.tenancy.current_organization_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organization')),
            ],
            options={
                'indexes': [models.Index(fields=['organization', 'customer', 'at'], name='portal_visit_by_customer')],
            },
        ),
        SecureTenantTables(tables=["PortalVisit"], leaves=["PortalVisit"]),
    ]
