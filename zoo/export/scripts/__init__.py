"""Programs that are copied beside exported files, and need nothing of the zoo."""
