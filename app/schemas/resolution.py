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
_TYPES = one_of(
    "QuestionType",
    *get_args(QuestionType),
    description="What is asked of a name: `ADDR`, the default, for A and AAAA.",
)


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

    questions: Annotated[list[Question], Field(max_length=QUESTIONS_MAX)] = Field(
        description="Up to 256 questions."
    )


class ResolvedRecord(Output):
    """A record that the answer was made of."""

    name: str = Field(
        description="The owner of the record, with a final dot.",
        examples=["ent.default.svc.cluster.local."],
    )
    type: str = Field(description="The type of the record.", examples=["A"])
    ttl: int = Field(description="Seconds.", examples=[5])
    data: str = Field(description="The value in presentation form.", examples=["10.96.17.4"])


class ResolverQuery(Output):
    """One packet that the resolver sends, and what it made of the reply."""

    name: str = Field(
        description="The name that is asked for, with a final dot.",
        examples=["ent.default.svc.cluster.local."],
    )
    type: str = Field(description="The type of record that is asked for.", examples=["A"])
    rcode: str = Field(
        description="The response code, `TIMEOUT` or `CLOSED`.", examples=["NOERROR"]
    )
    answers: int = Field(description="Records in the answer section.", examples=[1])
    from_: str = Field(description="`search[i]`, `as-is` or `cname`.", examples=["search[0]"])
    decision: Annotated[str, words(Decision, "QueryDecision")] = Field(
        description="What the resolver does after the reply."
    )
    nameserver: str | None = Field(default=None, description="With `explain`.")
    transport: Annotated[str, words(Transport, "QueryTransport")] | None = Field(
        default=None, description="With `explain`."
    )
    attempt: int | None = Field(default=None, description="With `explain`; from 0.")
    reason: str | None = Field(default=None, description="With `explain`.")


class ResolvConf(Output):
    """The resolv.conf the program reads."""

    nameservers: list[str] = Field(description="Addresses of name servers, in order of use.")
    search: list[str] = Field(description="Domains that a name is searched in, in order.")
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
    ] = Field(description="Options of the resolver.", examples=[{"ndots": 5}])


class ResolvedEndpoint(Output):
    """One address behind the Service, with one port of it."""

    address: str = Field(description="The address of the endpoint.", examples=["10.244.1.5"])
    port: int | None = Field(
        default=None,
        description="The number of the port; absent for a Service without ports.",
        examples=[8080],
    )
    port_name: str | None = Field(
        default=None,
        description="The name of the port; absent when it has none.",
        examples=["http"],
    )
    protocol: str | None = Field(
        default=None, description="The protocol of the port.", examples=["TCP"]
    )
    node: str | None = Field(default=None, description="The node that it runs on, if known.")
    zone: str | None = Field(default=None, description="The zone that it runs in, if known.")
    conditions: EndpointConditions = Field(description="Whether it takes traffic.")


class ResolutionAdvice(Output):
    """A remark on the lookup or on its resolv.conf."""

    code: str = Field(description="The rule it comes from.", examples=["L5"])
    message: str = Field(
        description="The remark, as a sentence.",
        examples=["6 of 8 queries were in vain before www.example.com. answered; a trailing dot …"],
    )


class Resolution(Output):
    """The result that a program with this resolver would get, and its queries."""

    kind: Literal["Resolution"]
    name: str = Field(description="The name, as it was asked.")
    type: str = Field(description="The type, as it was asked.")
    status: Annotated[str, words(Status, "ResolutionStatus")] = Field(
        description="How the lookup ended."
    )
    canonical_name: str | None = Field(
        default=None, description="Absent when nothing in the DNS answered."
    )
    addresses: list[str] = Field(description="In the order in which the program gets them.")
    records: list[ResolvedRecord] = Field(
        description="The records that the addresses were taken from, aliases included."
    )
    queries: list[ResolverQuery] = Field(description="Every packet that was sent, in order.")
    resolv_conf: ResolvConf = Field(description="The resolv.conf that was used.")
    resolver: Annotated[str, words(Profile, "Resolver")] = Field(
        description="The library that was modelled."
    )
    service: NamespacedName | None = Field(
        default=None, description="The Service whose name answered; absent when none did."
    )
    resource_version: str = Field(
        description="The revision whose names were resolved.", examples=["42"]
    )
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

    resolutions: list[Resolution] = Field(description="One for each question.")
