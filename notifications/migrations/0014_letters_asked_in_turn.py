from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0013_drafts'),
    ]

    operations = [
        migrations.AddField(
            model_name='attempt',
            name='followed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
