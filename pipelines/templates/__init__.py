"""Message templates: a small part of Jinja, read and turned into one SQL expression for each field."""
