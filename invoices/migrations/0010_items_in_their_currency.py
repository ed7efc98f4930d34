from django.db import migrations, models


class Migration(migrations.Migration):
    """An item bears its invoice's currency, so that what is open is added up from one index; lists of payments have theirs."""

    dependencies = [
        ('customers', '0007_mandates'),
        ('invoices', '0009_requests_and_write_offs'),
    ]

    operations = [
        migrations.AddField(
            model_name='installment',
            name='currency',
            field=models.CharField(default='', max_length=3),
            preserve_default=False,
        ),
        migrations.RunSQL(
            'UPDATE invoices_installment i SET currency = v.currency FROM invoices_invoice v'
            ' WHERE v.organization_id = i.organization_id AND v.id = i.invoice_id',
            migrations.RunSQL.noop,
        ),
        migrations.RemoveIndex(
            model_name='installment',
            name='installment_open_by_due',
        ),
        migrations.AddIndex(
            model_name='installment',
            index=models.Index(condition=models.Q(('outstanding__gt', 0)), fields=['organization', 'due_on'], include=('outstanding', 'currency', 'customer'), name='installment_open_by_day'),
        ),
        migrations.AddIndex(
            model_name='installment',
            index=models.Index(condition=models.Q(('outstanding__gt', 0), models.Q(('triage', ''), _negated=True)), fields=['organization', 'triage'], name='installment_triage'),
        ),
        migrations.AddIndex(
            model_name='installment',
            index=models.Index(condition=models.Q(('outstanding__gt', 0), ('outstanding__lt', models.F('amount'))), fields=['organization', 'due_on'], name='installment_partly_settled'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('cancelled_at', None)), fields=['organization', 'received_on', 'id'], include=('amount', 'currency'), name='payment_by_value_day'),
        ),
    ]
