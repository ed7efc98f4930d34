from django.db import migrations, models


class Migration(migrations.Migration):
    """For reports: invoices that are factored or not issued, so that the others need not be read; and the currencies there are."""

    dependencies = [
        ('invoices', '0010_items_in_their_currency'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='invoice',
            index=models.Index(fields=['organization', 'currency'], name='invoice_by_currency'),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=models.Index(
                condition=models.Q(('is_factored', True), models.Q(('state', 'issued'), _negated=True), _connector='OR'),
                fields=['organization'],
                include=('id', 'state', 'is_factored'),
                name='invoice_odd',
            ),
        ),
    ]
