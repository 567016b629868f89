"""Questions to a registry that are not about one object: names, rules, explanations.

    name -> Resolution          Node -> its rules          Service -> why a Pod is an endpoint

Source: contract.md, "GET /resolve" and "GET /nodes/{name}/ipvs".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, cast, overload

from waypost.client.http.queries import Parameters
from waypost.client.http.requests import Requests
from waypost.client.http.shape import ANY, Shape, Test, are_objects, are_texts, is_object, is_text
from waypost.client.kinds import kind_of
from waypost.client.paths import DEFAULT_NAMESPACE, segment_of

if TYPE_CHECKING:
    from waypost.client.models import (
        NftablesRules,
        NftablesRulesChanges,
        NodeRules,
        NodeRulesChanges,
        Question,
        QuestionType,
        RenderRequest,
        Resolution,
        Resolver,
        RulesPart,
        SelfSubjectReview,
        ServiceExplanation,
    )

QUESTIONS_MAX: Final = 256  # of one request

_RESOLUTION: Final = Shape("Resolution", {"status": is_text, "addresses": are_texts})
_USER: Final = Shape("SelfSubjectReview", {"status": is_object})
_REVIEW: Final = Shape("SelfSubjectAccessReview", {"status": is_object})


class Asker:
    """Asks questions; every method raises WaypostError.

    With ``revision`` the answer waits until that revision is visible.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Parameters | None = None,
    ) -> dict[str, Any]:
        """Send any request of the API's document, and return the JSON object of its answer.

        ``path`` begins with a slash, and its names are quoted.
        """
        return await self._requests.ask(method, path, body, query=query)

    async def resolve(  # noqa: PLR0913  each parameter is an option
        self,
        name: str,
        *,
        qtype: "QuestionType" = "ADDR",
        namespace: str = DEFAULT_NAMESPACE,
        pod: str = "",
        search: Sequence[str] | None = None,
        ndots: int | None = None,
        resolver: "Resolver" = "glibc",
        explain: bool = False,
        revision: str = "",
    ) -> "Resolution":
        """Resolve a name as a program in ``namespace``, or in a ``pod`` (namespace/name), would.

        A name that does not exist is an answer too: its ``status`` says so.  ``search`` and
        ``ndots`` are used in place of those of the program's ``resolv.conf``.
        """
        query: dict[str, str | int | None] = {
            "name": name,
            "type": qtype,
            "namespace": namespace,
            "pod": pod,
            "search": None if search is None else ",".join(search),
            "ndots": ndots,
            "resolver": resolver,
            "explain": explain,
            "resourceVersion": revision,
        }
        found = await self._requests.ask("GET", "/resolve", query=query, shape=_RESOLUTION)
        return cast("Resolution", found)

    async def resolve_all(
        self, questions: "Iterable[str | Question]", *, revision: str = ""
    ) -> "tuple[Resolution, ...]":
        """Resolve many names; a text is a name in the namespace ``default``.

        Up to 256 questions are answered together, at one revision.
        """
        asked = [{"name": each} if isinstance(each, str) else each for each in questions]
        found: list[Resolution] = []
        for start in range(0, len(asked), QUESTIONS_MAX):
            some = asked[start : start + QUESTIONS_MAX]
            answer = await self._requests.ask(
                "POST",
                "/resolve",
                {"questions": some},
                query={"resourceVersion": revision},
                is_repeatable=True,
                shape=Shape(fields={"resolutions": _resolutions(len(some))}),
            )
            found += answer["resolutions"]
        return tuple(found)

    async def explain(
        self, service: str, *, namespace: str = DEFAULT_NAMESPACE, revision: str = ""
    ) -> "ServiceExplanation":
        """Explain why each Pod of the namespace is, or is not, an endpoint of a Service."""
        path = f"{kind_of('Service').path_of(namespace, service)}/explain"
        shape = Shape("Explanation", {"pods": are_objects})
        return cast("ServiceExplanation", await self._at(path, revision, shape))

    @overload
    async def rules(
        self, node: str, *, mode: Literal["ipvs"] = "ipvs", revision: str = ""
    ) -> "NodeRules": ...

    @overload
    async def rules(
        self, node: str, *, mode: Literal["nftables"], revision: str = ""
    ) -> "NftablesRules": ...

    async def rules(
        self, node: str, *, mode: Literal["ipvs", "nftables"] = "ipvs", revision: str = ""
    ) -> Any:
        """Read the rules of a node's kernel; for nftables they are a text for ``nft -f``."""
        shape = Shape("NodeText", {"text": is_text}) if mode == "nftables" else Shape("NodeRules")
        return await self._at(f"{_path_of(node)}/{segment_of(mode)}", revision, shape)

    async def rules_text(
        self, node: str, part: "RulesPart" = "script", *, revision: str = ""
    ) -> str:
        """Read the rules of a node in IPVS mode as the input of the kernel's programs."""
        query = {"part": part, "resourceVersion": revision}
        return await self._requests.read_text(f"{_path_of(node)}/ipvs.txt", query=query)

    @overload
    async def rules_changes(
        self, node: str, since: str, *, mode: Literal["ipvs"] = "ipvs", wait_s: int = 0
    ) -> "NodeRulesChanges": ...

    @overload
    async def rules_changes(
        self, node: str, since: str, *, mode: Literal["nftables"], wait_s: int = 0
    ) -> "NftablesRulesChanges": ...

    async def rules_changes(
        self,
        node: str,
        since: str,
        *,
        mode: Literal["ipvs", "nftables"] = "ipvs",
        wait_s: int = 0,
    ) -> Any:
        """Read what takes a node from the rules of a revision to those of now.

        With ``wait_s`` the answer waits for a change as long as that.
        """
        kind = "NodeTextChanges" if mode == "nftables" else "NodeRulesChanges"
        return await self._requests.ask(
            "GET",
            f"{_path_of(node)}/{segment_of(mode)}/changes",
            query={"since": since, "timeoutSeconds": wait_s or None},
            shape=Shape(kind, {"resourceVersion": is_text}),
            patience_s=wait_s,
        )

    async def render(self, request: "RenderRequest") -> "NodeRules":
        """Make the rules of a node in IPVS mode from the state in the request; nothing is kept."""
        found = await self._requests.ask(
            "POST", "/render", request, is_repeatable=True, shape=Shape("NodeRules")
        )
        return cast("NodeRules", found)

    async def whoami(self) -> "SelfSubjectReview":
        """Read the user that requests act for, and the user's groups."""
        return cast("SelfSubjectReview", await self._at("/whoami", "", _USER))

    async def can_i(
        self,
        verb: str,
        kind: type | str,
        name: str = "",
        *,
        namespace: str = DEFAULT_NAMESPACE,
        subresource: str = "",
    ) -> bool:
        """Ask whether the user may do something, such as ``create``, to objects of a kind.

        An empty ``name`` or ``namespace`` is all of them.
        """
        known = kind_of(kind)
        asked = {
            "verb": verb,
            "group": known.api_version.rpartition("/")[0],
            "resource": known.plural,
            "subresource": subresource,
            "namespace": namespace if known.is_namespaced else "",
            "name": name,
        }
        spec = {"resourceAttributes": {key: value for key, value in asked.items() if value}}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": _REVIEW.kind, "spec": spec}
        found = await self._requests.ask(
            "POST", "/can-i", review, is_repeatable=True, shape=_REVIEW
        )
        return found["status"].get("allowed") is True

    async def _at(self, path: str, revision: str, shape: Shape = ANY) -> Mapping[str, Any]:
        query = {"resourceVersion": revision}
        return await self._requests.ask("GET", path, query=query, shape=shape)


def _path_of(node: str) -> str:
    return kind_of("Node").path_of("", node)


def _resolutions(count: int) -> Test:
    return lambda found: are_objects(found) and len(cast("Sequence[object]", found)) == count
