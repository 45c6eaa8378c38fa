"""What stands in labelled fields: names of no real person, and what is no name."""

from __future__ import annotations

from collections.abc import Mapping

from tests.compliance.detection.identifiers.values import Values

VALUES: Mapping[str, Values] = {
    "LOCATION": Values(
        valid=(
            "Sligo",
            "Bad Tölz",
            "Frankfurt am Main",
            "Port Láirge",
            "Ħaż-Żabbar",
            "Стара Загора",
            "Θεσσαλονίκη",
            "L'Aquila",
            "Halle (Saale)",
            "Plavecký Štvrtok",
            "Praha 2",
            "KRAKÓW",
            "St. Pölten",
        ),
        invalid=(
            "String",
            "None",
            "null",
            "sligo",
            "42",
            "City",
            "Town",
            "N/A",
            "Unknown",
            "Optional[str]",
            "DefaultCity",
            "https://example.com",
        ),
        alike=(
            "City Council approved the plan.",
            "The city was quiet. Sligo was not.",
            "city = City.objects.first()",
            "<label>City</label>",
            '{"city": {"type": "string"}}',
            "Town Hall: Opening hours",
            "city: str | None = None",
        ),
    ),
    "PERSON": Values(
        valid=(
            "Weber",
            "Anna Maria",
            "O'Brien",
            "van der Berg",
            "Żak-Nowak",
            "J. R. Kovács",
            "Ó Súilleabháin",
            "Παπαδόπουλος",
            "Иванова",
            "MÜLLER",
            "D'Amico",
        ),
        invalid=(
            "String",
            "null",
            "Last name",
            "First Name",
            "Required",
            "weber",
            "12",
            "Optional[str]",
            "NOT NULL",
            "Anna2",
            "user_name",
        ),
        alike=(
            "first name and last name are required",
            "Surname Field: see below",
            "last_name = models.CharField(max_length=30)",
            '{"last_name": "Last name", "first_name": "First name"}',
            "SELECT first_name, last_name FROM users",
            "The last name in the list is short.",
        ),
    ),
}
