"""The dashboard: it reads the journal, appends decisions, and never calls git or touches files."""
