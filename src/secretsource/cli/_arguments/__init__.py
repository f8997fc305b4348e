"""The arguments and options of the commands, and the table of the verbs."""
