"""The outcomes of authorisation, and the words of a refusal.

    user, attributes, reason -> Refused -> Forbidden (an error that use cases raise)

    lead ("pods "p" is forbidden: ") + sentence ("User "u" cannot get …") + ": " + reason

Source: apiserver `pkg/endpoints/handlers/responsewriters/errors.go` and apimachinery
`NewForbidden`; access.md 2.3.
"""

from dataclasses import dataclass

from app.domain.access.attributes import Attributes
from app.domain.access.quoting import quoted
from app.domain.access.subjects import User
from app.domain.errors import Forbidden

_SANITISED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})  # never valid HTML


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A request that no authoriser allows; group, resource and name are for the details."""

    message: str
    api_group: str = ""
    resource: str = ""
    name: str = ""

    @property
    def error(self) -> Forbidden:
        """The refusal as an error."""
        error = Forbidden(self.message)
        error.about(self.resource, self.name, group=self.api_group)
        return error


def refused(user: User, attributes: Attributes, reason: str = "") -> Refused:
    """Refuse a request, with the reason that an authoriser gives."""
    sentence = _sentence(user, attributes).translate(_SANITISED)
    return restricted(attributes, f"{sentence}: {reason}" if reason else sentence)


def restricted(attributes: Attributes, words: str) -> Refused:
    """Refuse a request that is allowed by its verb, for what it would do."""
    found = attributes
    lead = "forbidden: " if found.path else lead_of(found.api_group, found.resource, found.name)
    return Refused(
        message=lead + words, api_group=found.api_group, resource=found.resource, name=found.name
    )


def lead_of(api_group: str, resource: str, name: str) -> str:
    """Write the beginning of a refusal, which names the object."""
    qualified = f"{resource}.{api_group}" if api_group else resource
    return f"{qualified} {quoted(name)} is forbidden: " if name else f"{qualified} is forbidden: "


def _sentence(user: User, attributes: Attributes) -> str:
    who = f"User {quoted(user.name)} cannot {attributes.verb}"
    if attributes.path:
        return f"{who} path {quoted(attributes.path)}"
    resource = attributes.resource
    if attributes.subresource:
        resource = f"{resource}/{attributes.subresource}"
    what = f"{who} resource {quoted(resource)} in API group {quoted(attributes.api_group)}"
    if attributes.namespace:
        return f"{what} in the namespace {quoted(attributes.namespace)}"
    return f"{what} at the cluster scope"
