"""Rights to erase and to read kept content."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("compliance", "0004_changes")]

    operations = [
        migrations.AlterModelOptions(
            name="content",
            options={
                "permissions": [
                    ("erase_content", "Can erase kept content"),
                    ("disclose_content", "Can read kept content"),
                ]
            },
        ),
    ]
