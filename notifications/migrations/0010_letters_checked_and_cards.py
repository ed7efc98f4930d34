import django.contrib.postgres.fields
import django.db.models.deletion
import dunning.core.tenancy
import dunning.core.tokens
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0008_invitations'),
        ('notifications', '0009_text_authors'),
    ]

    operations = [
        migrations.CreateModel(
            name='LetterCode',
            fields=[
                ('id', models.UUIDField(default=dunning.core.tokens.new_id, editable=False, primary_key=True, serialize=False)),
                ('organization_id', models.UUIDField()),
                ('message_id', models.UUIDField(unique=True)),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['organization_id'], name='letter_code_by_organization')],
            },
        ),
        migrations.CreateModel(
            name='PrintedLetter',
            fields=[
                ('id', models.UUIDField(default=dunning.core.tokens.new_id, editable=False, primary_key=True, serialize=False)),
                ('amount', models.DecimalField(decimal_places=2, max_digits=14)),
                ('currency', models.CharField(max_length=3)),
                ('holder', models.CharField(max_length=200)),
                ('iban', models.CharField(max_length=34)),
                ('items', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ('printed_at', models.DateTimeField()),
                ('message', dunning.core.tenancy.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='printed', to='notifications.message')),
                ('organization', models.ForeignKey(db_index=False, default=dunning.core.tenancy.current_organization_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'message'), name='printed_letter_once'), models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='printed_letter_not_negative')],
            },
        ),
        migrations.AlterField(
            model_name='inboundevent',
            name='kind',
            field=models.CharField(choices=[('post_office', 'Local post office'), ('smtp', 'SMTP server'), ('anymail', 'E-mail service (Anymail)'), ('twilio', 'Twilio'), ('sinch', 'Sinch'), ('mysendingbox', 'MySendingBox'), ('print', 'Print and post yourself'), ('stripe', 'Stripe')], max_length=12),
        ),
        migrations.AlterField(
            model_name='provideraccount',
            name='kind',
            field=models.CharField(choices=[('post_office', 'Local post office'), ('smtp', 'SMTP server'), ('anymail', 'E-mail service (Anymail)'), ('twilio', 'Twilio'), ('sinch', 'Sinch'), ('mysendingbox', 'MySendingBox'), ('print', 'Print and post yourself'), ('stripe', 'Stripe')], max_length=12),
        ),
        migrations.AlterField(
            model_name='providerroute',
            name='kind',
            field=models.CharField(choices=[('post_office', 'Local post office'), ('smtp', 'SMTP server'), ('anymail', 'E-mail service (Anymail)'), ('twilio', 'Twilio'), ('sinch', 'Sinch'), ('mysendingbox', 'MySendingBox'), ('print', 'Print and post yourself'), ('stripe', 'Stripe')], max_length=12),
        ),
        migrations.AlterField(
            model_name='provideraccount',
            name='channel',
            field=models.CharField(choices=[('email', 'E-mail'), ('sms', 'Text message'), ('letter', 'Letter'), ('registered', 'Registered letter'), ('call', 'Call'), ('task', 'Task'), ('card', 'Card')], max_length=12),
        ),
        dunning.core.tenancy.SecureTenantTables(tables=["PrintedLetter"], leaves=["PrintedLetter"]),
    ]
