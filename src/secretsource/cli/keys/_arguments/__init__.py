"""The arguments and options that the commands for keys share."""
