from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0008_policy_signatures'),
    ]

    operations = [
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('request', models.CharField(max_length=32, primary_key=True, serialize=False)),
                ('application', models.UUIDField()),
                ('binding', models.CharField(max_length=64)),
                ('rules', models.JSONField(help_text='Ids of the rules that held it.')),
                ('asked', models.DateTimeField()),
                ('expires', models.DateTimeField()),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('approved', 'Approved'), ('denied', 'Denied'), ('used', 'Used'), ('expired', 'Expired')], default='waiting', max_length=8)),
                ('decided', models.DateTimeField(null=True)),
                ('actor', models.CharField(blank=True, max_length=150)),
                ('reason', models.TextField(blank=True)),
                ('used_by', models.CharField(blank=True, help_text='The request that used it.', max_length=32)),
            ],
            options={
                'verbose_name': 'held request',
                'ordering': ['-asked'],
                'permissions': [('decide_hold', 'Can read held requests, and approve or deny them')],
                'indexes': [models.Index(fields=['state', 'application'], name='hold_state')],
            },
        ),
    ]
