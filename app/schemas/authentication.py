"""The file that configures how tokens become users, as Kubernetes' API server reads it.

    AuthenticationConfiguration of `apiserver.config.k8s.io/v1`, and `issuer.jwksFile` of ours

Shapes only; `app.api.credentials.configuration_rules` decides what may stand in them.
Source: apiserver `pkg/apis/apiserver/v1/types.go`; spec access 1.4.
"""

from typing import ClassVar

from app.schemas.base import Input


class PrefixedClaimOrExpression(Input):
    """Where a user name or groups come from."""

    claim: str | None = None
    prefix: str | None = None
    expression: str | None = None


class ClaimOrExpression(Input):
    """Where a uid comes from."""

    claim: str | None = None
    expression: str | None = None


class ExtraMapping(Input):
    """One extra of a user."""

    key: str | None = None
    value_expression: str | None = None


class ClaimMappings(Input):
    """How claims become a user."""

    username: PrefixedClaimOrExpression | None = None
    groups: PrefixedClaimOrExpression | None = None
    uid: ClaimOrExpression | None = None
    extra: list[ExtraMapping] | None = None


class ClaimValidationRule(Input):
    """A claim that must have a text, or an expression that must be true."""

    claim: str | None = None
    required_value: str | None = None
    expression: str | None = None
    message: str | None = None


class UserValidationRule(Input):
    """An expression over the user that must be true."""

    expression: str | None = None
    message: str | None = None


class TokenIssuer(Input):
    """Who signs tokens, for whom, and where the keys are."""

    url: str | None = None
    discovery_url: str | None = None
    certificate_authority: str | None = None
    jwks_file: str | None = None
    audiences: list[str] | None = None
    audience_match_policy: str | None = None


class JWTAuthenticator(Input):
    """One issuer with its rules."""

    issuer: TokenIssuer | None = None
    claim_validation_rules: list[ClaimValidationRule] | None = None
    claim_mappings: ClaimMappings | None = None
    user_validation_rules: list[UserValidationRule] | None = None


class AnonymousCondition(Input):
    """A path on which anonymous requests are let through."""

    path: str | None = None


class Anonymous(Input):
    """Whether there are anonymous requests."""

    enabled: bool | None = None
    conditions: list[AnonymousCondition] | None = None


class AuthenticationConfiguration(Input):
    """The whole file."""

    of_kind: ClassVar[str] = "AuthenticationConfiguration"

    api_version: str | None = None
    kind: str | None = None
    jwt: list[JWTAuthenticator] | None = None
    anonymous: Anonymous | None = None
