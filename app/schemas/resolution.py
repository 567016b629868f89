"""The wire shapes of ``/resolve``: questions, and the result that a program would get.

    GET or POST -> Question           Resolution -> answer

Source: contract.md, "GET /resolve"; spec resolver 10.
"""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from app.domain.discovery.resolution import Profile
from app.domain.discovery.resolvers.lookup import Decision, Status, Transport
from app.domain.objects.namespace import DEFAULT_NAMESPACE
from app.schemas.base import Output, component, one_of, words
from app.schemas.objects.endpoint_slice import EndpointConditions
from app.schemas.objects.metadata import NamespacedName
from app.schemas.queries import Query

NAME_CHARACTERS_MAX = 1024
SEARCH_CHARACTERS_MAX = 8192
QUESTIONS_MAX = 256  # of one batch
QuestionType = Literal["ADDR", "A", "AAAA", "SRV", "PTR", "CNAME", "TXT"]


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


_Search = Annotated[str, Field(max_length=SEARCH_CHARACTERS_MAX)]
_LIST = WithJsonSchema({"type": "array", "items": {"type": "string"}})
_TYPES = one_of("QuestionType", *get_args(QuestionType), description="What is asked of a name.")


class Question(Query):
    """One question: a name, what of it, and the program that asks."""

    name: Annotated[str, Field(min_length=1, max_length=NAME_CHARACTERS_MAX)] = Field(
        description="As the program writes it; with a final dot it is not searched.",
        examples=["ent"],
    )
    type: Annotated[QuestionType, BeforeValidator(_upper), _TYPES] = Field(
        "ADDR", description="`ADDR`, the default, asks for A and AAAA as getaddrinfo does."
    )
    namespace: Annotated[str, Field(max_length=NAME_CHARACTERS_MAX)] = Field(
        DEFAULT_NAMESPACE,
        description="Where the program runs, `default` when absent; `pod` says it more exactly.",
    )
    pod: Annotated[str, Field(max_length=NAME_CHARACTERS_MAX)] = Field(
        "",
        description="`namespace/name` of the Pod it runs in: its dnsPolicy and dnsConfig apply.",
        examples=["default/web-1"],
    )
    search: Annotated[_Search | list[_Search] | None, _LIST] = Field(
        None,
        description="Search domains to use instead; a text with commas is read as a list.",
        examples=[["a", "b", "c"]],
    )
    ndots: Annotated[int, Field(ge=0, le=255)] | None = Field(
        None, description="`options ndots:` instead."
    )
    resolver: Annotated[Profile, words(Profile, "Resolver")] = Field(
        Profile.GLIBC, description="The library that resolves; `glibc` when absent."
    )
    explain: bool = Field(
        default=False, description="Add endpoints, advice and what else is known of each query."
    )


class QuestionBatch(BaseModel):
    """Many questions at once."""

    questions: Annotated[list[Question], Field(max_length=QUESTIONS_MAX)]


class ResolvedRecord(Output):
    """A record that the answer was made of."""

    name: str = Field(examples=["ent.default.svc.cluster.local."])
    type: str = Field(examples=["A"])
    ttl: int = Field(description="Seconds.", examples=[5])
    data: str = Field(description="The value in presentation form.", examples=["10.96.17.4"])


class ResolverQuery(Output):
    """One packet that the resolver sends, and what it made of the reply."""

    name: str = Field(examples=["ent.default.svc.cluster.local."])
    type: str = Field(examples=["A"])
    rcode: str = Field(
        description="The response code, `TIMEOUT` or `CLOSED`.", examples=["NOERROR"]
    )
    answers: int = Field(description="Records in the answer section.", examples=[1])
    from_: str = Field(description="`search[i]`, `as-is` or `cname`.", examples=["search[0]"])
    decision: Annotated[str, words(Decision, "QueryDecision")]
    nameserver: str | None = Field(default=None, description="With `explain`.")
    transport: Annotated[str, words(Transport, "QueryTransport")] | None = Field(
        default=None, description="With `explain`."
    )
    attempt: int | None = Field(default=None, description="With `explain`; from 0.")
    reason: str | None = Field(default=None, description="With `explain`.")


class ResolvConf(Output):
    """The resolv.conf the program reads."""

    nameservers: list[str]
    search: list[str]
    options: Annotated[
        dict[str, int | str | bool],
        component(
            "ResolvConfOptions",
            {
                "description": "Options by name: a number, a text, or `true` without a value.",
                "type": "object",
                "additionalProperties": True,
            },
        ),
    ] = Field(examples=[{"ndots": 5}])


class ResolvedEndpoint(Output):
    """One address behind the Service, with one port of it."""

    address: str = Field(examples=["10.244.1.5"])
    port: int | None = Field(default=None, examples=[8080])
    port_name: str | None = Field(default=None, examples=["http"])
    protocol: str | None = Field(default=None, examples=["TCP"])
    node: str | None = None
    zone: str | None = None
    conditions: EndpointConditions


class ResolutionAdvice(Output):
    """A remark on the lookup or on its resolv.conf."""

    code: str = Field(description="The rule it comes from.", examples=["L5"])
    message: str = Field(
        examples=["6 of 8 queries were in vain before www.example.com. answered; a trailing dot …"]
    )


class Resolution(Output):
    """The result that a program with this resolver would get, and its queries."""

    kind: Literal["Resolution"]
    name: str
    type: str
    status: Annotated[str, words(Status, "ResolutionStatus")]
    canonical_name: str | None = Field(
        default=None, description="Absent when nothing in the DNS answered."
    )
    addresses: list[str] = Field(description="In the order in which the program gets them.")
    records: list[ResolvedRecord]
    queries: list[ResolverQuery]
    resolv_conf: ResolvConf
    resolver: Annotated[str, words(Profile, "Resolver")]
    service: NamespacedName | None = Field(
        default=None, description="The Service whose name answered; absent when none did."
    )
    resource_version: str = Field(examples=["42"])
    error: str | None = Field(
        default=None,
        description="With `explain`: the library's own word for the failure.",
        examples=["EAI_NONAME"],
    )
    reported_from: str | None = Field(
        default=None, description="With `explain`: the reply the failure was taken from."
    )
    endpoints: list[ResolvedEndpoint] | None = Field(default=None, description="With `explain`.")
    advice: list[ResolutionAdvice] | None = Field(default=None, description="With `explain`.")


class ResolutionBatch(Output):
    """The answers to a batch, in the order of its questions."""

    resolutions: list[Resolution]
