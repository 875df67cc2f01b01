"""From checked definitions to the SQL statements of a run, level by level."""
