import django.db.models.deletion
import dunning.core.tenancy
import dunning.core.tokens
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0002_wall'),
        ('customers', '0002_wall'),
        ('notifications', '0002_wall'),
    ]

    operations = [
        migrations.CreateModel(
            name='ProviderRoute',
            fields=[
                ('id', models.UUIDField(default=dunning.core.tokens.new_id, editable=False, primary_key=True, serialize=False)),
                ('token_hash', models.CharField(max_length=64, unique=True)),
                ('organization_id', models.UUIDField()),
                ('account_id', models.UUIDField(unique=True)),
                ('kind', models.CharField(choices=[('post_office', 'Local post office'), ('smtp', 'SMTP server'), ('anymail', 'E-mail service (Anymail)'), ('twilio', 'Twilio'), ('print', 'Print and post yourself')], max_length=12)),
                ('created_at', models.DateTimeField()),
                ('heard_at', models.DateTimeField(blank=True, null=True)),
                ('settled_at', models.DateTimeField(blank=True, null=True)),
                ('refused', models.PositiveBigIntegerField(default=0)),
                ('refused_since', models.DateTimeField(blank=True, null=True)),
                ('refused_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='InboundEvent',
            fields=[
                ('id', models.UUIDField(default=dunning.core.tokens.new_id, editable=False, primary_key=True, serialize=False)),
                ('account_id', models.UUIDField()),
                ('kind', models.CharField(choices=[('post_office', 'Local post office'), ('smtp', 'SMTP server'), ('anymail', 'E-mail service (Anymail)'), ('twilio', 'Twilio'), ('print', 'Print and post yourself')], max_length=12)),
                ('key', models.CharField(max_length=200)),
                ('query', models.TextField(blank=True)),
                ('headers', models.JSONField(default=dict)),
                ('body', models.BinaryField()),
                ('state', models.CharField(choices=[('stored', 'To be read'), ('applied', 'Read and applied'), ('parked', 'Its message is not known yet'), ('unknown', 'About no message of ours'), ('rejected', "Not the provider's"), ('unreadable', 'Cannot be read'), ('quarantined', 'Set aside after three failures')], default='stored', max_length=12)),
                ('looks', models.PositiveSmallIntegerField(default=0)),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('due_at', models.DateTimeField()),
                ('error', models.CharField(blank=True, max_length=500)),
                ('received_at', models.DateTimeField()),
                ('applied_at', models.DateTimeField(blank=True, null=True)),
                ('organization', models.ForeignKey(db_index=False, default=dunning.core.tenancy.current_organization_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organization')),
            ],
        ),
        migrations.CreateModel(
            name='InboundMessage',
            fields=[
                ('id', models.UUIDField(default=dunning.core.tokens.new_id, editable=False, primary_key=True, serialize=False)),
                ('event_id', models.UUIDField()),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('channel', models.CharField(choices=[('email', 'E-mail'), ('sms', 'Text message'), ('letter', 'Letter'), ('registered', 'Registered letter'), ('call', 'Call'), ('task', 'Task')], max_length=12)),
                ('kind', models.CharField(choices=[('human', 'Reply'), ('absence', 'Absence reply'), ('automatic', 'Automatic message'), ('bounce', 'Undeliverable'), ('stop', 'Asked to stop')], max_length=10)),
                ('sender', models.CharField(max_length=254)),
                ('sender_name', models.CharField(blank=True, max_length=200)),
                ('subject', models.CharField(blank=True, max_length=300)),
                ('text', models.TextField(blank=True)),
                ('said', models.TextField(blank=True)),
                ('header_id', models.CharField(blank=True, max_length=300)),
                ('received_at', models.DateTimeField()),
                ('matched_by', models.CharField(blank=True, max_length=12)),
                ('absent_until', models.DateField(blank=True, null=True)),
                ('substitute_text', models.CharField(blank=True, max_length=200)),
                ('handled_at', models.DateTimeField(blank=True, null=True)),
                ('handled_by', models.CharField(blank=True, max_length=120)),
                ('contact', dunning.core.tenancy.TenantForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.contact')),
                ('customer', dunning.core.tenancy.TenantForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.customer')),
                ('message', dunning.core.tenancy.TenantForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replies', to='notifications.message')),
                ('organization', models.ForeignKey(db_index=False, default=dunning.core.tenancy.current_organization_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organization')),
                ('substitute', dunning.core.tenancy.TenantForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.contact')),
            ],
        ),
        migrations.CreateModel(
            name='InboundFile',
            fields=[
                ('id', models.UUIDField(default=dunning.core.tokens.new_id, editable=False, primary_key=True, serialize=False)),
                ('filename', models.CharField(max_length=200)),
                ('position', models.PositiveSmallIntegerField(default=1)),
                ('document', dunning.core.tenancy.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.document')),
                ('organization', models.ForeignKey(db_index=False, default=dunning.core.tenancy.current_organization_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organization')),
                ('inbound', dunning.core.tenancy.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='files', to='notifications.inboundmessage')),
            ],
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(models.Q(('provider_id', ''), _negated=True), models.Q(('provider', 'post_office'), _negated=True)), fields=['organization', 'provider_id'], name='message_by_provider_id'),
        ),
        migrations.AddIndex(
            model_name='providerroute',
            index=models.Index(fields=['organization_id'], name='route_by_organization'),
        ),
        migrations.AddIndex(
            model_name='inboundevent',
            index=models.Index(condition=models.Q(('state__in', ['stored', 'parked'])), fields=['organization', 'due_at'], name='inbound_event_waiting'),
        ),
        migrations.AddIndex(
            model_name='inboundevent',
            index=models.Index(fields=['organization', 'received_at'], name='inbound_event_by_age'),
        ),
        migrations.AddConstraint(
            model_name='inboundevent',
            constraint=models.UniqueConstraint(fields=('organization', 'account_id', 'key'), name='inbound_event_once'),
        ),
        migrations.AddIndex(
            model_name='inboundmessage',
            index=models.Index(fields=['organization', 'received_at'], name='inbound_by_age'),
        ),
        migrations.AddIndex(
            model_name='inboundmessage',
            index=models.Index(fields=['organization', 'customer', 'received_at'], name='inbound_by_customer'),
        ),
        migrations.AddIndex(
            model_name='inboundmessage',
            index=models.Index(condition=models.Q(('handled_at', None), ('kind', 'human')), fields=['organization', 'received_at'], name='inbound_unhandled'),
        ),
        migrations.AddConstraint(
            model_name='inboundmessage',
            constraint=models.UniqueConstraint(fields=('organization', 'event_id', 'position'), name='inbound_message_once'),
        ),
        migrations.AddConstraint(
            model_name='inboundfile',
            constraint=models.UniqueConstraint(fields=('organization', 'inbound', 'position'), name='inbound_file_position'),
        ),
        dunning.core.tenancy.SecureTenantTables(
            tables=["InboundEvent", "InboundMessage", "InboundFile"], leaves=["InboundEvent", "InboundFile"]
        ),
    ]
