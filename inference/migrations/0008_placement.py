"""A deployment says how many nodes of a site serve a model; a placement, which.

What was a deployment on a node becomes a placement there, chosen by a person. Each model and
site keeps one deployment, of as many replicas. Who serves what stays as it was: what was switched
off on each of its nodes is a deployment that is switched off, and no other node takes it over.
"""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

TABLE = 'inference_deployment'


def lift_triggers(apps, schema_editor):
    """They would note as unrecorded what an upgrade does; every migrate creates them anew."""
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        if connection.vendor == 'sqlite':
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [TABLE])
            drops = [f'DROP TRIGGER {name}' for (name,) in cursor.fetchall()]
        else:
            cursor.execute('SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = %s::regclass', [TABLE])
            drops = [f'DROP TRIGGER {name} ON {TABLE}' for (name,) in cursor.fetchall()]
        for drop in drops:
            cursor.execute(drop)


def gather(apps, schema_editor):
    """Of each model and site the first row becomes the deployment, and all become placements."""
    deployments = apps.get_model('inference', 'Deployment').objects
    placements = apps.get_model('inference', 'Placement').objects
    kept = {}
    for row in deployments.select_related('node').order_by('id'):
        one = kept.setdefault((row.model_id, row.node.site_id), row)
        made = placements.create(deployment=one, node=row.node, pinned=True, active=row.active)
        placements.filter(pk=made.pk).update(created=row.created)
        if one is not row:
            one.queue_limit = max(one.queue_limit, row.queue_limit)
            row.delete()
    for (_, site), one in kept.items():
        mine = placements.filter(deployment=one)
        one.site_id = site
        one.active = mine.filter(active=True).exists()
        if not one.active:
            mine.update(active=True)  # one switch, the deployment's, is off and brings all back
        one.replicas = mine.filter(active=True).count()
        one.save()
    if schema_editor.connection.vendor == 'postgresql':
        # PostgreSQL alters no table of which foreign keys are still to be checked
        with schema_editor.connection.cursor() as cursor:
            cursor.execute('SET CONSTRAINTS ALL IMMEDIATE')
            cursor.execute('SET CONSTRAINTS ALL DEFERRED')


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0001_initial'),
        ('inference', '0007_machine'),
    ]

    operations = [
        migrations.RunPython(lift_triggers, migrations.RunPython.noop),
        migrations.CreateModel(
            name='Placement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('pinned', models.BooleanField(default=False, help_text='A person chose the node; it is not exchanged for another.')),
                ('active', models.BooleanField(default=True, help_text='Clear it so that this node serves the model no more.')),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('deployment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='placements', to='inference.deployment')),
                ('node', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='placements', to='inference.node')),
            ],
            options={
                'ordering': ['deployment__model__name', 'node__name'],
                'constraints': [models.UniqueConstraint(fields=('deployment', 'node'), name='one_placement_on_a_node')],
            },
        ),
        migrations.AddField(
            model_name='deployment',
            name='site',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deployments', to='compliance.site'),
        ),
        migrations.AddField(
            model_name='deployment',
            name='replicas',
            field=models.PositiveIntegerField(default=1, help_text='How many nodes of the site are to serve it.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000)]),
        ),
        migrations.AlterField(
            model_name='deployment',
            name='queue_limit',
            field=models.PositiveIntegerField(default=256, help_text='Requests that may wait for it at each of its nodes before callers get 429.'),
        ),
        migrations.RunPython(gather, migrations.RunPython.noop),
        migrations.AlterModelOptions(
            name='deployment', options={'ordering': ['model__name', 'site__name']}
        ),
        migrations.RemoveConstraint(model_name='deployment', name='one_deployment_per_node'),
        migrations.RemoveField(model_name='deployment', name='node'),
        migrations.AlterField(
            model_name='deployment',
            name='site',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deployments', to='compliance.site'),
        ),
        migrations.AddConstraint(
            model_name='deployment',
            constraint=models.UniqueConstraint(fields=('model', 'site'), name='one_deployment_at_a_site'),
        ),
    ]
