from django.db import migrations, models

import dunning.core.clock


class Migration(migrations.Migration):
    dependencies = [("notifications", "0008_webhooks")]

    operations = [
        migrations.AddField(model_name="messagetemplate", name="written_by", field=models.CharField(blank=True, max_length=120)),
        migrations.AlterField(model_name="messagetemplate", name="created_at", field=models.DateTimeField(default=dunning.core.clock.now)),
    ]
