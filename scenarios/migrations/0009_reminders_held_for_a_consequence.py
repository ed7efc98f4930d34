from django.db import migrations

TAKE_BACK = """
WITH withdrawn AS (
    UPDATE notifications_message SET state = 'cancelled', reason = 'superseded', reason_text = '', updated_at = now()
    WHERE state = 'held' AND reason = 'missing_value' AND reason_text = 'consequence' AND kind = 'reminder' AND phase < 40
    RETURNING organization_id, id
)
UPDATE scenarios_action a SET state = 'taken_back', reason = 'superseded'
FROM scenarios_actionmessage l JOIN withdrawn w ON w.organization_id = l.organization_id AND w.id = l.message_id
WHERE a.organization_id = l.organization_id AND a.id = l.action_id AND a.state = 'planned'
"""


class Migration(migrations.Migration):
    """Last reminders to customers of unknown kind were held for a consequence nobody could complete: the next run takes their steps again."""

    dependencies = [
        ('notifications', '0013_drafts'),
        ('scenarios', '0008_action_digests'),
    ]

    operations = [
        migrations.RunSQL(TAKE_BACK, migrations.RunSQL.noop),
    ]
