"""Models get their manifest, lineage and licence.

A model that was registered before served already: its licence counts as accepted by the
installer. The column is added with that value, so that no row is changed and no trigger
notes a change that no event speaks of.
"""

import django.db.models.deletion
from django.db import migrations, models
from django.utils import timezone

ACCEPTED = 'Empty: nobody accepted it, and it serves nobody.'


def lift_triggers(apps, schema_editor):
    """SQLite drops no column that a trigger names; every migrate creates them anew."""
    if schema_editor.connection.vendor != 'sqlite':
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'inference_model'")
        for (name,) in cursor.fetchall():
            cursor.execute(f'DROP TRIGGER {name}')


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0004_canary'),
    ]

    operations = [
        migrations.AddField(
            model_name='model',
            name='kind',
            field=models.CharField(choices=[('model', 'model'), ('adapter', 'adapter (LoRA)')], default='model', max_length=16),
        ),
        migrations.AddField(
            model_name='model',
            name='task',
            field=models.CharField(choices=[('chat', 'chat'), ('embeddings', 'embeddings')], default='chat', max_length=16),
        ),
        migrations.AddField(
            model_name='model',
            name='base',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='derived', to='inference.model'),
        ),
        migrations.AddField(
            model_name='model',
            name='licence_text',
            field=models.TextField(blank=True, default='', help_text='The whole text, as it came.'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='model',
            name='licence_digest',
            field=models.CharField(blank=True, default='', help_text='SHA-256 of that.', max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='model',
            name='licence_accepted',
            field=models.DateTimeField(default=timezone.now, editable=False, help_text=ACCEPTED, null=True),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='model',
            name='licence_accepted_by',
            field=models.CharField(blank=True, default='installer', editable=False, max_length=150),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='model',
            name='architecture',
            field=models.CharField(blank=True, default='', help_text='As its own files say.', max_length=256),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='model',
            name='quantisation',
            field=models.CharField(blank=True, default='', help_text='As its own files say; empty: none.', max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='model',
            name='derived_from',
            field=models.CharField(blank=True, default='', help_text='Name of the model that it was made from.', max_length=256),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='model',
            name='method',
            field=models.CharField(choices=[('none', 'not derived'), ('quantised', 'quantised'), ('fine-tuned', 'fine-tuned'), ('merged', 'merged'), ('adapter', 'an adapter')], default='none', max_length=16),
        ),
        migrations.AddField(
            model_name='model',
            name='lineage_note',
            field=models.TextField(blank=True, default='', help_text='On what data, by whom; what was said when it was imported.'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='model',
            name='manifest',
            field=models.TextField(blank=True, default='', editable=False),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name='model',
            name='digest',
            field=models.CharField(help_text='SHA-256 of the manifest, or of the weights file of one that came with the appliance.', max_length=64),
        ),
        migrations.AlterField(
            model_name='model',
            name='size',
            field=models.BigIntegerField(help_text='Bytes of its files.'),
        ),
        migrations.RunPython(migrations.RunPython.noop, lift_triggers),
    ]
