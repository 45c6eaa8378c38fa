import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0006_adapter_grant'),
    ]

    operations = [
        migrations.CreateModel(
            name='Machine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(help_text='SHA-256 of what rarely changes, hex.', max_length=64)),
                ('time', models.BigIntegerField(help_text='When the inventory was made.')),
                ('recorded', models.BigIntegerField(help_text='Time of the event.')),
                ('node', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='machine', to='inference.node')),
            ],
        ),
    ]
