import django.contrib.postgres.fields
import django.db.models.deletion
import dunning.core.tenancy
import dunning.core.tokens
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0005_event_order'),
        ('notifications', '0007_portal_links'),
    ]

    operations = [
        migrations.CreateModel(
            name='WebhookEndpoint',
            fields=[
                ('id', models.UUIDField(default=dunning.core.tokens.new_id, editable=False, primary_key=True, serialize=False)),
                ('url', models.CharField(max_length=500)),
                ('description', models.CharField(blank=True, max_length=200)),
                ('types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), blank=True, default=list, size=None)),
                ('secrets', models.TextField()),
                ('previous_until', models.DateTimeField(blank=True, null=True)),
                ('state', models.CharField(choices=[('active', 'Active'), ('disabled', 'Switched off')], default='active', max_length=10)),
                ('reason', models.CharField(blank=True, choices=[('by_hand', 'Switched off by a person'), ('gone', 'Its server answered that the address is gone for good (410)'), ('failing', 'Nothing but failures for three days')], max_length=10)),
                ('since', models.DateTimeField()),
                ('created_at', models.DateTimeField()),
                ('created_by', models.CharField(max_length=120)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('failing_since', models.DateTimeField(blank=True, null=True)),
                ('closed_until', models.DateTimeField(blank=True, null=True)),
                ('last_success_at', models.DateTimeField(blank=True, null=True)),
                ('last_failure_at', models.DateTimeField(blank=True, null=True)),
                ('last_status', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('last_fault', models.CharField(blank=True, choices=[('no_name', 'The name of the address is not known'), ('blocked', 'The name leads to an address that is not on the internet: nothing was sent'), ('unreachable', 'No connection could be made'), ('tls', 'The connection is not secure: the certificate cannot be verified'), ('timeout', 'No answer came in time'), ('broken', 'The connection broke off'), ('unsigned', "Its secret cannot be read with this installation's key: make a new one")], max_length=12)),
                ('organization', models.ForeignKey(db_index=False, default=dunning.core.tenancy.current_organization_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organization')),
            ],
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.UUIDField(default=dunning.core.tokens.new_id, editable=False, primary_key=True, serialize=False)),
                ('event_id', models.UUIDField()),
                ('type', models.CharField(max_length=80)),
                ('about', models.CharField(blank=True, max_length=120)),
                ('body', models.TextField()),
                ('state', models.CharField(choices=[('pending', 'Under way'), ('delivered', 'Delivered'), ('failed', 'Given up')], default='pending', max_length=10)),
                ('created_at', models.DateTimeField()),
                ('next_at', models.DateTimeField(blank=True, null=True)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('begun', models.PositiveSmallIntegerField(default=0)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('endpoint', dunning.core.tenancy.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='notifications.webhookendpoint')),
                ('organization', models.ForeignKey(db_index=False, default=dunning.core.tenancy.current_organization_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organization')),
            ],
        ),
        migrations.CreateModel(
            name='WebhookAttempt',
            fields=[
                ('id', models.UUIDField(default=dunning.core.tokens.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveSmallIntegerField()),
                ('at', models.DateTimeField()),
                ('status', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('fault', models.CharField(blank=True, choices=[('no_name', 'The name of the address is not known'), ('blocked', 'The name leads to an address that is not on the internet: nothing was sent'), ('unreachable', 'No connection could be made'), ('tls', 'The connection is not secure: the certificate cannot be verified'), ('timeout', 'No answer came in time'), ('broken', 'The connection broke off'), ('unsigned', "Its secret cannot be read with this installation's key: make a new one")], max_length=12)),
                ('milliseconds', models.PositiveIntegerField()),
                ('answer', models.TextField(blank=True)),
                ('delivery', dunning.core.tenancy.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='notifications.webhookdelivery')),
                ('organization', models.ForeignKey(db_index=False, default=dunning.core.tenancy.current_organization_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organization')),
            ],
        ),
        migrations.AlterField(
            model_name='queueticket',
            name='channel',
            field=models.CharField(choices=[('email', 'E-mail'), ('sms', 'Text message'), ('letter', 'Letter'), ('registered', 'Registered letter'), ('call', 'Call'), ('task', 'Task'), ('events', 'Events to be handed out'), ('webhook', 'Webhook')], max_length=12),
        ),
        migrations.AddIndex(
            model_name='queueticket',
            index=models.Index(condition=models.Q(('channel__in', ['events', 'webhook'])), fields=['organization_id', 'due_at'], name='ticket_errands'),
        ),
        migrations.AddConstraint(
            model_name='webhookattempt',
            constraint=models.UniqueConstraint(fields=('organization', 'delivery', 'number'), name='webhook_attempt_number'),
        ),
        migrations.AddConstraint(
            model_name='webhookendpoint',
            constraint=models.UniqueConstraint(fields=('organization', 'url'), name='webhook_url_once'),
        ),
        migrations.AddConstraint(
            model_name='webhookendpoint',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('reason', ''), ('state', 'active')), models.Q(('state', 'disabled'), models.Q(('reason', ''), _negated=True)), _connector='OR'), name='webhook_off_has_reason'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['organization', 'endpoint', 'created_at'], name='delivery_by_age'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['organization', 'endpoint', 'next_at'], name='delivery_due'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('state', 'failed')), fields=['organization', 'endpoint', 'closed_at'], name='delivery_failed'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.UniqueConstraint(fields=('organization', 'endpoint', 'event_id'), name='delivery_once'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at', None), ('next_at__isnull', False), ('state', 'pending')), models.Q(models.Q(('state', 'pending'), _negated=True), ('closed_at__isnull', False), ('next_at', None)), _connector='OR'), name='delivery_pending_has_moment'),
        ),
        dunning.core.tenancy.SecureTenantTables(
            tables=["WebhookEndpoint", "WebhookDelivery", "WebhookAttempt"], leaves=["WebhookAttempt"]
        ),
    ]
