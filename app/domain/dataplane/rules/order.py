"""The refusal of steps that do not fit the state that they are taken from."""


class OutOfOrder(Exception):
    """A step that the kernel would refuse, or that would misdirect traffic."""
