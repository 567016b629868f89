"""Limits of a body in JSON or YAML; without imports, for a quick start of the command line."""

OBJECTS_MAX = 10_000  # of one body, unless the operator sets another number
NODES_MAX = 500_000  # values of a text; in YAML with keys and values repeated by aliases
MEMBERS_MAX = 50_000  # of one list or object
DEPTH_MAX = 64  # containers within containers
DUPLICATES_MAX = 100  # duplicate keys named

TOO_WIDE = f"a list or an object holds more than {MEMBERS_MAX} members"
