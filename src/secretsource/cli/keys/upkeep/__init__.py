"""The verbs that look after a whole store: chores, purges and migrations."""
