"""The output of the commands: text, tables, sentences and exit codes."""
