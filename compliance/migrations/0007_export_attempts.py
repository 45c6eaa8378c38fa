from django.db import migrations, models


def move(apps, _schema_editor):
    """The number stood in the scope, beside what was asked for."""
    for run in apps.get_model('compliance', 'Export').objects.filter(scope__has_key='begun'):
        run.attempts = run.scope.pop('begun')
        run.save(update_fields=['attempts', 'scope'])


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0006_witnesses'),
    ]

    operations = [
        migrations.AddField(
            model_name='export',
            name='attempts',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, help_text='How often it was begun, without orderly stops.'),
        ),
        migrations.RunPython(move, migrations.RunPython.noop),
    ]
