"""Values of identifiers, one module a country: none of a real person."""
