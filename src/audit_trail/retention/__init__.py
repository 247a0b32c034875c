"""How long entries are kept: each account's policy, and the runs that drop what is older."""
