"""How Django writes times in the console: always in UTC, and saying so."""
