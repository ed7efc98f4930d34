import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0006_slugs_without_lone_indexes'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='message',
            name='message_frozen',
        ),
        migrations.AddField(
            model_name='message',
            name='link_digest',
            field=models.CharField(blank=True, db_default='', default='', max_length=64),
        ),
        migrations.AddField(
            model_name='message',
            name='link_generation',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='message',
            trigger=pgtrigger.compiler.Trigger(name='message_frozen', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."frozen_at" IS NOT NULL AND NOT (OLD."state" IN (\'awaiting_approval\', \'draft\', \'held\', \'queued\', \'retry\')) AND (OLD."frozen_at" IS DISTINCT FROM (NEW."frozen_at") OR OLD."subject" IS DISTINCT FROM (NEW."subject") OR OLD."body_text" IS DISTINCT FROM (NEW."body_text") OR OLD."body_html" IS DISTINCT FROM (NEW."body_html") OR OLD."recipient" IS DISTINCT FROM (NEW."recipient") OR OLD."document_id" IS DISTINCT FROM (NEW."document_id") OR OLD."content_sha256" IS DISTINCT FROM (NEW."content_sha256") OR OLD."link_digest" IS DISTINCT FROM (NEW."link_digest")))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='e080ecef7fead75182589a4f9391185fd2590b8d', operation='UPDATE', pgid='pgtrigger_message_frozen_dfe61', table='notifications_message', when='BEFORE')),
        ),
    ]
