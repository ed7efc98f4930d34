import django.db.models.deletion
import dunning.core.tenancy
import dunning.core.tokens
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from dunning.core.tenancy import SecureTenantTables


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0003_portal_ground'),
        ('customers', '0005_portal_links'),
        ('invoices', '0003_payments_by_entry'),
    ]

    operations = [
        migrations.CreateModel(
            name='Declaration',
            fields=[
                ('id', models.UUIDField(default=dunning.core.tokens.new_id, editable=False, primary_key=True, serialize=False)),
                ('nonce', models.CharField(max_length=32)),
                ('action', models.CharField(max_length=16)),
                ('language', models.CharField(choices=[('fr', 'French'), ('en', 'English')], max_length=2)),
                ('wording', models.TextField()),
                ('wording_sha256', models.CharField(max_length=64)),
                ('details', models.JSONField(blank=True, default=dict)),
                ('at', models.DateTimeField()),
                ('address', models.CharField(blank=True, max_length=45)),
                ('user_agent', models.CharField(blank=True, max_length=300)),
                ('link_id', models.UUIDField()),
                ('contact', dunning.core.tenancy.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.contact')),
                ('customer', dunning.core.tenancy.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='declarations', to='customers.customer')),
                ('organization', models.ForeignKey(db_index=False, default=dunning.core.tenancy.current_organization_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organization')),
            ],
        ),
        migrations.CreateModel(
            name='DeclarationFile',
            fields=[
                ('id', models.UUIDField(default=dunning.core.tokens.new_id, editable=False, primary_key=True, serialize=False)),
                ('filename', models.CharField(max_length=200)),
                ('position', models.PositiveSmallIntegerField(default=1)),
                ('declaration', dunning.core.tenancy.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='files', to='invoices.declaration')),
                ('document', dunning.core.tenancy.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.document')),
                ('organization', models.ForeignKey(db_index=False, default=dunning.core.tenancy.current_organization_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organization')),
            ],
        ),
        migrations.AlterField(
            model_name='debtoract',
            name='kind',
            field=models.CharField(choices=[('received', 'Receipt confirmed'), ('not_received', 'Not received'), ('accepted', 'Accepted'), ('disputed', 'Disputed'), ('promised', 'Promised'), ('says_paid', 'Says it is paid'), ('asked', 'Asks for something')], max_length=12),
        ),
        migrations.AddField(
            model_name='debtoract',
            name='declaration',
            field=dunning.core.tenancy.TenantForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='acts', to='invoices.declaration'),
        ),
        migrations.AddIndex(
            model_name='declaration',
            index=models.Index(fields=['organization', 'customer', 'at'], name='declaration_by_customer'),
        ),
        migrations.AddIndex(
            model_name='declaration',
            index=models.Index(fields=['organization', 'at'], name='declaration_by_age'),
        ),
        migrations.AddConstraint(
            model_name='declaration',
            constraint=models.UniqueConstraint(fields=('organization', 'nonce'), name='declaration_once'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='declaration',
            trigger=pgtrigger.compiler.Trigger(name='declaration_kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='0a8df62e8d2d8ab5c5d6f3386e7b48f87b4262b7', operation='UPDATE OR DELETE', pgid='pgtrigger_declaration_kept_5f364', table='invoices_declaration', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='declarationfile',
            constraint=models.UniqueConstraint(fields=('organization', 'declaration', 'position'), name='declaration_file_position'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='debtoract',
            trigger=pgtrigger.compiler.Trigger(name='act_stays_said', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."source" IS DISTINCT FROM (NEW."source") OR OLD."at" IS DISTINCT FROM (NEW."at") OR OLD."actor" IS DISTINCT FROM (NEW."actor") OR OLD."text" IS DISTINCT FROM (NEW."text") OR OLD."installment_id" IS DISTINCT FROM (NEW."installment_id") OR OLD."contact_id" IS DISTINCT FROM (NEW."contact_id") OR OLD."declaration_id" IS DISTINCT FROM (NEW."declaration_id"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='aff36d5c8f93b888b4445c77db5b67e246a0b176', operation='UPDATE', pgid='pgtrigger_act_stays_said_03026', table='invoices_debtoract', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='debtoract',
            trigger=pgtrigger.compiler.Trigger(name='act_kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='32b10df38894e980bc201b6c6ffafc85b546ba65', operation='DELETE', pgid='pgtrigger_act_kept_5d1de', table='invoices_debtoract', when='BEFORE')),
        ),
        SecureTenantTables(tables=["Declaration", "DeclarationFile"], keys=[("DebtorAct", "declaration")], leaves=["DeclarationFile"]),
    ]
