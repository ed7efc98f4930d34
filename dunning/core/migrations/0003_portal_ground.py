import django.db.models.deletion
import dunning.core.tenancy
from django.db import migrations, models

from dunning.core.tenancy import SecureTenantTables


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0002_wall'),
    ]

    operations = [
        migrations.AddField(
            model_name='organizationprofile',
            name='accent_colour',
            field=models.CharField(blank=True, max_length=7),
        ),
        migrations.AddField(
            model_name='organizationprofile',
            name='logo',
            field=dunning.core.tenancy.TenantForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.document'),
        ),
        migrations.CreateModel(
            name='RateWindow',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('key', models.CharField(max_length=64)),
                ('starts_at', models.DateTimeField()),
                ('count', models.PositiveIntegerField(default=0)),
            ],
            options={
                'indexes': [models.Index(fields=['starts_at'], name='rate_window_by_age')],
                'constraints': [models.UniqueConstraint(fields=('key', 'starts_at'), name='rate_window_once')],
            },
        ),
        SecureTenantTables(tables=[], keys=[("OrganizationProfile", "logo")]),
    ]
