"""What commands share: names, settings, tables, files they write, examples of their use."""
