"""What may stand in an AuthenticationConfiguration, all that is wrong found at once.

    AuthenticationConfiguration -> violations, and the expressions that are still to be checked

The rules and the paths are Kubernetes'.

Source: apiserver `pkg/apis/apiserver/validation/validation.go`; spec access 1.4.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from app.api.credentials.configuration_expressions import Role, Written
from app.domain.errors import CauseReason, Violation
from app.domain.names import subdomain_problems
from app.schemas.authentication import (
    Anonymous,
    AuthenticationConfiguration,
    ClaimMappings,
    ClaimOrExpression,
    ClaimValidationRule,
    ExtraMapping,
    JWTAuthenticator,
    PrefixedClaimOrExpression,
    TokenIssuer,
    UserValidationRule,
)

ISSUERS_MAX: Final = 64
API_VERSIONS: Final = ("apiserver.config.k8s.io/v1", "apiserver.config.k8s.io/v1beta1")
_MATCH_ANY: Final = "MatchAny"
_RESERVED_DOMAINS: Final = ("k8s.io", "kubernetes.io")
_KEY_PATH: Final = re.compile(r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+")
_NOT_IN_URLS: Final = re.compile(r"[\x00-\x20\x7f]")
_BOTH: Final = "claim and expression can't both be set"

Found = Iterator[Violation | Written]


def findings_in(wire: AuthenticationConfiguration) -> tuple[list[Violation], list[Written]]:
    """Find what is wrong, and collect the expressions."""
    found = [*_of_configuration(wire)]
    violations = [each for each in found if isinstance(each, Violation)]
    return violations, [each for each in found if isinstance(each, Written)]


def _of_configuration(wire: AuthenticationConfiguration) -> Found:
    if wire.api_version not in API_VERSIONS:
        yield _unsupported("apiVersion", API_VERSIONS)
    if wire.kind != wire.of_kind:
        yield _unsupported("kind", (wire.of_kind,))
    if wire.anonymous is not None:
        yield from _of_anonymous(wire.anonymous)
    issuers = wire.jwt or []
    if len(issuers) > ISSUERS_MAX:
        yield Violation(CauseReason.TOO_MANY, "jwt", f"must have at most {ISSUERS_MAX} items")
        return
    for index, each in enumerate(issuers):
        yield from _of_authenticator(f"jwt[{index}]", each)
    each_issuer = [each.issuer or TokenIssuer() for each in issuers]
    urls = {f"jwt[{index}].issuer.url": each.url for index, each in enumerate(each_issuer)}
    yield from _repeated(urls)
    discovered = {
        f"jwt[{index}].issuer.discoveryURL": each.discovery_url
        for index, each in enumerate(each_issuer)
    }
    yield from _repeated(discovered)


def _of_anonymous(wire: Anonymous) -> Found:
    if wire.conditions and not wire.enabled:
        yield _invalid(
            "anonymous.conditions", "enabled should be set to true when conditions are defined"
        )


def _of_authenticator(path: str, wire: JWTAuthenticator) -> Found:
    yield from _of_issuer(f"{path}.issuer", wire.issuer or TokenIssuer())
    yield from _of_claim_rules(f"{path}.claimValidationRules", wire.claim_validation_rules or [])
    yield from _of_mappings(f"{path}.claimMappings", wire.claim_mappings or ClaimMappings())
    yield from _of_user_rules(f"{path}.userValidationRules", wire.user_validation_rules or [])


def _of_issuer(path: str, wire: TokenIssuer) -> Found:
    if not wire.url:
        yield _required(f"{path}.url")
    else:
        yield from _of_url(f"{path}.url", wire.url)
    if wire.discovery_url:
        if wire.url and wire.url.rstrip("/") == wire.discovery_url.rstrip("/"):
            yield _invalid(f"{path}.discoveryURL", "discoveryURL must be different from URL")
        yield from _of_url(f"{path}.discoveryURL", wire.discovery_url)
    yield from _of_audiences(path, wire)
    if wire.certificate_authority:
        try:
            x509.load_pem_x509_certificates(wire.certificate_authority.encode())
        except ValueError:
            yield _invalid(f"{path}.certificateAuthority", "must be certificates in PEM")


def _of_url(path: str, text: str) -> Found:
    try:
        url = urlsplit(text)
        is_whole = bool(url.hostname) and url.port != 0
    except ValueError:
        is_whole = False
        url = urlsplit("")
    if not is_whole or _NOT_IN_URLS.search(text):
        yield _invalid(path, "must be a URL with a host")
        return
    if url.scheme != "https":
        yield _invalid(path, "URL scheme must be https")
    if "@" in url.netloc:
        yield _invalid(path, "URL must not contain a username or password")
    if url.query:
        yield _invalid(path, "URL must not contain a query")
    if url.fragment:
        yield _invalid(path, "URL must not contain a fragment")


def _of_audiences(path: str, wire: TokenIssuer) -> Found:
    audiences = wire.audiences or []
    if not audiences:
        yield _required(f"{path}.audiences", "at least one audience is required")
        return
    for index, audience in enumerate(audiences):
        if not audience:
            yield _required(f"{path}.audiences[{index}]")
        if audience in audiences[:index]:
            yield _duplicate(f"{path}.audiences[{index}]")
    allowed = (_MATCH_ANY,) if len(audiences) > 1 else ("", _MATCH_ANY)
    if (wire.audience_match_policy or "") not in allowed:
        yield _invalid(
            f"{path}.audienceMatchPolicy",
            f"must be {_MATCH_ANY}{'' if len(audiences) > 1 else ' or empty'}",
        )


def _of_claim_rules(path: str, wire: Sequence[ClaimValidationRule]) -> Found:
    claims: set[str] = set()
    expressions: set[str] = set()
    for index, rule in enumerate(wire):
        place = f"{path}[{index}]"
        if rule.claim and rule.expression:
            yield _invalid(place, _BOTH)
        elif rule.claim:
            if rule.message:
                yield _invalid(f"{place}.message", "may not be specified when claim is set")
            yield from _once(f"{place}.claim", rule.claim, claims)
        elif rule.expression:
            if rule.required_value:
                words = "may not be specified when expression is set"
                yield _invalid(f"{place}.requiredValue", words)
            written = Written(
                field=f"{place}.expression", text=rule.expression, role=Role.CLAIM_RULE
            )
            yield from _written_once(written, expressions)
        else:
            yield _required(place, "claim or expression is required")


def _of_mappings(path: str, wire: ClaimMappings) -> Found:
    username = wire.username or PrefixedClaimOrExpression()
    if not username.claim and not username.expression:
        yield _required(f"{path}.username", "claim or expression is required")
    yield from _of_prefixed(f"{path}.username", username, Role.USERNAME)
    groups = wire.groups or PrefixedClaimOrExpression()
    yield from _of_prefixed(f"{path}.groups", groups, Role.GROUPS)
    uid = wire.uid or ClaimOrExpression()
    if uid.claim and uid.expression:
        yield _invalid(f"{path}.uid", _BOTH)
    elif uid.expression:
        yield Written(field=f"{path}.uid.expression", text=uid.expression, role=Role.UID)
    keys: set[str] = set()
    for index, extra in enumerate(wire.extra or []):
        yield from _of_extra(f"{path}.extra[{index}]", extra, keys)


def _of_prefixed(path: str, wire: PrefixedClaimOrExpression, role: Role) -> Found:
    if wire.claim and wire.expression:
        yield _invalid(path, _BOTH)
    elif wire.expression:
        if wire.prefix is not None:
            yield _invalid(f"{path}.prefix", "may not be specified when expression is set")
        yield Written(field=f"{path}.expression", text=wire.expression, role=role)
    elif wire.claim and wire.prefix is None:
        yield _required(f"{path}.prefix", "prefix is required when claim is set; it may be empty")


def _of_extra(path: str, wire: ExtraMapping, keys: set[str]) -> Found:
    key = wire.key or ""
    yield from _of_key(f"{path}.key", key)
    if key in keys:
        yield _duplicate(f"{path}.key")
        return
    keys.add(key)
    if not wire.value_expression:
        yield _required(f"{path}.valueExpression")
    else:
        yield Written(field=f"{path}.valueExpression", text=wire.value_expression, role=Role.EXTRA)


def _of_key(path: str, key: str) -> Found:
    domain, slash, rest = key.partition("/")
    if not key:
        yield _required(path)
    elif not (domain and slash and rest):
        yield _invalid(path, "must be a domain-prefixed path such as acme.io/foo")
    else:
        for problem in subdomain_problems(domain):
            yield _invalid(path, problem)
        if _KEY_PATH.fullmatch(rest) is None:
            yield _invalid(path, "has characters that no path has")
    if key != key.lower():
        yield _invalid(path, "must be lowercase")
    if slash and any(f".{domain}".endswith(f".{each}") for each in _RESERVED_DOMAINS):
        yield _invalid(path, "k8s.io, kubernetes.io and their subdomains are Kubernetes' own")


def _of_user_rules(path: str, wire: Sequence[UserValidationRule]) -> Found:
    expressions: set[str] = set()
    for index, rule in enumerate(wire):
        place = f"{path}[{index}].expression"
        if not rule.expression:
            yield _required(place)
            continue
        written = Written(field=place, text=rule.expression, role=Role.USER_RULE)
        yield from _written_once(written, expressions)


def _once(path: str, value: str, before: set[str]) -> Found:
    if value in before:
        yield _duplicate(path)
    before.add(value)


def _written_once(written: Written, before: set[str]) -> Found:
    if written.text in before:
        yield _duplicate(written.field)
    else:
        before.add(written.text)
        yield written


def _repeated(values: Mapping[str, str | None]) -> Iterable[Violation]:
    seen: set[str] = set()
    for path, value in values.items():
        if value and value in seen:
            yield _duplicate(path)
        seen.add(value or "")


def _invalid(path: str, message: str) -> Violation:
    return Violation(CauseReason.INVALID, path, message)


def _required(path: str, message: str = "is required") -> Violation:
    return Violation(CauseReason.REQUIRED, path, message)


def _duplicate(path: str) -> Violation:
    return Violation(CauseReason.DUPLICATE, path, "is given twice")


def _unsupported(path: str, supported: Collection[str]) -> Violation:
    return Violation(CauseReason.NOT_SUPPORTED, path, f"must be {' or '.join(supported)}")
