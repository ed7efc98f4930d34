import django.db.models.deletion
import dunning.core.tenancy
import dunning.core.tokens
from django.db import migrations, models

from dunning.core.tenancy import SecureTenantTables


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0002_wall'),
        ('customers', '0002_wall'),
        ('notifications', '0003_what_comes_back'),
    ]

    operations = [
        migrations.CreateModel(
            name='ProofFile',
            fields=[
                ('id', models.UUIDField(default=dunning.core.tokens.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('deposit', 'Proof of posting'), ('receipt', 'Signed acknowledgement of receipt'), ('return', 'Returned envelope'), ('other', 'Another document')], max_length=12)),
                ('external_id', models.CharField(blank=True, max_length=200)),
                ('added_at', models.DateTimeField()),
                ('added_by', models.CharField(max_length=120)),
                ('document', dunning.core.tenancy.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.document')),
                ('message', dunning.core.tenancy.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='proof_files', to='notifications.message')),
                ('organization', models.ForeignKey(db_index=False, default=dunning.core.tenancy.current_organization_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organization')),
            ],
        ),
        migrations.AddField(
            model_name='attempt',
            name='absent_since',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='attempt',
            name='account',
            field=dunning.core.tenancy.TenantForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='notifications.provideraccount'),
        ),
        migrations.AddField(
            model_name='provideraccount',
            name='closed_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='provideraccount',
            name='failures',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='provideraccount',
            name='last_error',
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AddField(
            model_name='provideraccount',
            name='last_error_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='provideraccount',
            name='next_slot_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='message',
            name='customer',
            field=dunning.core.tenancy.TenantForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='customers.customer'),
        ),
        migrations.AlterField(
            model_name='provideraccount',
            name='kind',
            field=models.CharField(choices=[('post_office', 'Local post office'), ('smtp', 'SMTP server'), ('anymail', 'E-mail service (Anymail)'), ('twilio', 'Twilio'), ('sinch', 'Sinch'), ('mysendingbox', 'MySendingBox'), ('print', 'Print and post yourself')], max_length=12),
        ),
        migrations.AlterField(
            model_name='inboundevent',
            name='kind',
            field=models.CharField(choices=[('post_office', 'Local post office'), ('smtp', 'SMTP server'), ('anymail', 'E-mail service (Anymail)'), ('twilio', 'Twilio'), ('sinch', 'Sinch'), ('mysendingbox', 'MySendingBox'), ('print', 'Print and post yourself')], max_length=12),
        ),
        migrations.AlterField(
            model_name='providerroute',
            name='kind',
            field=models.CharField(choices=[('post_office', 'Local post office'), ('smtp', 'SMTP server'), ('anymail', 'E-mail service (Anymail)'), ('twilio', 'Twilio'), ('sinch', 'Sinch'), ('mysendingbox', 'MySendingBox'), ('print', 'Print and post yourself')], max_length=12),
        ),
        migrations.AlterField(
            model_name='message',
            name='state',
            field=models.CharField(choices=[('draft', 'Draft'), ('awaiting_approval', 'Awaiting approval'), ('held', 'Held'), ('queued', 'Queued'), ('sending', 'Sending'), ('accepted', 'Sent'), ('uncertain', 'Uncertain'), ('retry', 'To be tried again'), ('to_post', 'To be posted'), ('entrusted', 'With the postal service'), ('failed', 'Failed'), ('unproven', 'Unproven'), ('cancelled', 'Withdrawn'), ('delivered', 'Delivered'), ('bounced', 'Bounced'), ('complained', 'Complained')], default='queued', max_length=18),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('customer__isnull', False), ('kind', 'test'), _connector='OR'), name='message_has_customer'),
        ),
        migrations.AddIndex(
            model_name='prooffile',
            index=models.Index(fields=['organization', 'message', 'added_at'], name='proof_file_by_message'),
        ),
        migrations.AddConstraint(
            model_name='prooffile',
            constraint=models.UniqueConstraint(condition=models.Q(('external_id', ''), _negated=True), fields=('organization', 'message', 'external_id'), name='proof_file_once'),
        ),
        # An attempt names its account: the table is a leaf no more. Another migration may have needed the same key.
        migrations.RunSQL(
            sql="""
                DO $$ BEGIN
                    IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = 'notifications_provideraccount_tenant_key') THEN
                        ALTER TABLE notifications_provideraccount
                            ADD CONSTRAINT notifications_provideraccount_tenant_key UNIQUE (organization_id, id);
                    END IF;
                END $$
            """,
            reverse_sql=migrations.RunSQL.noop,
        ),
        SecureTenantTables(tables=["ProofFile"], keys=[("Attempt", "account")], leaves=["ProofFile"]),
    ]
