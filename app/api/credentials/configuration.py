"""The configuration of issuers and of anonymous requests, from a file that may change.

    octets -> AuthenticationConfig, or Invalid with every violation
    file, changed -> the new configuration, or the old one and why

Source: spec access 1.4 and 1.7; apiserver `pkg/apis/apiserver/load`.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from pydantic import BaseModel, ValidationError

from app.api.credentials.claims import Issuer, Mapped, Rule
from app.api.credentials.configuration_expressions import Written, violations_of
from app.api.credentials.configuration_rules import findings_in
from app.domain.errors import BadRequest, CauseReason, Invalid, Violation
from app.policy.expressions import Environment, EvaluationError, Expressions, Verdict
from app.schemas.authentication import (
    Anonymous,
    AuthenticationConfiguration,
    ClaimMappings,
    ClaimOrExpression,
    JWTAuthenticator,
    PrefixedClaimOrExpression,
    TokenIssuer,
)
from app.schemas.documents.paths import join_path, type_violations
from app.schemas.documents.read import MediaType, parse_document

FILE_OCTETS_MAX: Final = 1_048_576
ANONYMOUS_PATHS: Final = frozenset(
    {
        "/livez",
        "/readyz",
        "/healthz",
        "/version",
        "/openapi.json",
        "/docs",
        "/docs/oauth2-redirect",
        # What leads a browser to the page of the routes, and what the page loads.
        "/",
        "/favicon.ico",
        "/docs/start.js",
        "/docs/swagger-ui-bundle.js",
        "/docs/swagger-ui.css",
    }
)
"""Where a request needs no credentials, unless the file says otherwise."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationConfig:
    """Which issuers are trusted, and which paths are open to anonymous users; None: all paths."""

    issuers: tuple[Issuer, ...] = ()
    anonymous_paths: frozenset[str] | None = ANONYMOUS_PATHS


async def read_configuration(octets: bytes, expressions: Expressions) -> AuthenticationConfig:
    """Read and check a configuration, YAML or JSON.

    Raises Invalid with all violations, and BadRequest if there is no document.  Expressions that
    cannot be checked here, or not now, are violations too.
    """
    document = parse_document(octets, MediaType.YAML)
    try:
        wire = AuthenticationConfiguration.model_validate(document.content)
    except ValidationError as error:
        raise _refused(type_violations(error, document.content)) from error
    twice = (_not_strict(path, "is given twice") for path in document.duplicates)
    unknown = (_not_strict(path, "is an unknown field") for path in _unknown(wire))
    violations, written = findings_in(wire)
    verdicts = await _checked(written, expressions)
    violations = [*twice, *unknown, *violations, *violations_of(written, verdicts)]
    if violations:
        raise _refused(violations)
    return AuthenticationConfig(
        issuers=tuple(_issuer(each) for each in wire.jwt or ()),
        anonymous_paths=_anonymous_paths(wire.anonymous),
    )


class ConfigurationFile:
    """A configuration file, read again when it changes."""

    def __init__(self, path: Path, expressions: Expressions) -> None:
        """Read nothing yet."""
        self._path = path
        self._expressions = expressions
        self._octets: bytes = b""
        self._offered: bytes = b""
        self.problem = ""
        self.reloads = Counter[bool]()  # by whether the file was accepted

    async def load(self) -> AuthenticationConfig:
        """Read the file for the first time; raises as `read_configuration` does, and OSError."""
        self._octets = self._read()
        return await read_configuration(self._octets, self._expressions)

    async def changed(self) -> AuthenticationConfig | None:
        """Give the configuration if the file has changed and is right; `problem` says if not.

        It is given again at the next look, unless it is accepted.
        """
        try:
            octets = self._read()
            if octets == self._octets:
                self.problem = ""
                return None
            found = await read_configuration(octets, self._expressions)
        except (OSError, Invalid, BadRequest) as error:
            self.reject(str(error))
            return None
        self._offered = octets
        return found

    def accept(self) -> None:
        """Take what `changed` gave last as the configuration in use."""
        self._octets, self.problem = self._offered, ""
        self.reloads[True] += 1

    def reject(self, problem: str) -> None:
        """Keep the configuration in use, and say once why; counted at every look."""
        if problem != self.problem:
            _log.error("%s is not used, the one before goes on: %s", self._path, problem)
        self.problem = problem
        self.reloads[False] += 1

    def _read(self) -> bytes:
        with self._path.open("rb") as file:
            octets = file.read(FILE_OCTETS_MAX + 1)
        if len(octets) > FILE_OCTETS_MAX:
            raise BadRequest(f"{self._path} has more than {FILE_OCTETS_MAX} octets")
        return octets


async def _checked(written: Sequence[Written], expressions: Expressions) -> Sequence[Verdict]:
    """Check expressions by environment, and give the verdicts in the order written."""
    verdict_of: dict[Written, Verdict] = {}
    for environment in Environment:
        those = [each for each in written if each.environment is environment]
        if those:
            try:
                verdicts = await expressions.check(environment, [each.text for each in those])
            except EvaluationError as error:
                verdicts = [Verdict(problem=str(error))] * len(those)
            verdict_of |= zip(those, verdicts, strict=True)
    return [verdict_of[each] for each in written]


def _issuer(wire: JWTAuthenticator) -> Issuer:
    issuer = wire.issuer or TokenIssuer()
    mappings = wire.claim_mappings or ClaimMappings()
    rules = wire.claim_validation_rules or []
    return Issuer(
        url=issuer.url or "",
        audiences=frozenset(issuer.audiences or ()),
        discovery_url=issuer.discovery_url or "",
        certificate_authority=issuer.certificate_authority or "",
        key_file=issuer.jwks_file or "",
        username=_mapped(mappings.username),
        groups=_mapped(mappings.groups),
        uid=_mapped(mappings.uid),
        extra={each.key or "": each.value_expression or "" for each in mappings.extra or ()},
        required_claims={rule.claim: rule.required_value or "" for rule in rules if rule.claim},
        claim_rules=_rules((rule.expression, rule.message) for rule in rules),
        user_rules=_rules(
            (rule.expression, rule.message) for rule in wire.user_validation_rules or ()
        ),
    )


def _mapped(wire: PrefixedClaimOrExpression | ClaimOrExpression | None) -> Mapped:
    if wire is None:
        return Mapped()
    prefix = wire.prefix if isinstance(wire, PrefixedClaimOrExpression) else None
    return Mapped(claim=wire.claim or "", prefix=prefix or "", expression=wire.expression or "")


def _rules(pairs: Iterator[tuple[str | None, str | None]]) -> tuple[Rule, ...]:
    return tuple(Rule(expression=text, message=words or "") for text, words in pairs if text)


def _anonymous_paths(wire: Anonymous | None) -> frozenset[str] | None:
    if wire is None:
        return ANONYMOUS_PATHS
    if not wire.enabled:
        return frozenset()
    return frozenset(each.path or "" for each in wire.conditions) if wire.conditions else None


def _unknown(model: BaseModel, path: str = "") -> Iterator[str]:
    """List the fields that no model has, at any depth."""
    for name in model.model_extra or ():
        yield join_path(path, name)
    for name, field in type(model).model_fields.items():
        value: object = getattr(model, name)
        place = join_path(path, field.alias or name)
        if isinstance(value, BaseModel):
            yield from _unknown(value, place)
        elif isinstance(value, list):
            for index, each in enumerate(cast("list[object]", value)):
                if isinstance(each, BaseModel):
                    yield from _unknown(each, join_path(place, index))


def _not_strict(path: str, problem: str) -> Violation:
    return Violation(CauseReason.INVALID, path, problem)


def _refused(violations: Sequence[Violation]) -> Invalid:
    return Invalid(AuthenticationConfiguration.of_kind, "", violations)
