"""Questions to a registry that are not about one object: names, rules, explanations.

    name -> Resolution          Node -> its rules          Service -> why a Pod is an endpoint

Source: contract.md, "GET /resolve" and "GET /nodes/{name}/ipvs".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, cast, overload

from waypost.client.http.registry_client import Parameters
from waypost.client.http.requests import Requests
from waypost.client.paths import DEFAULT_NAMESPACE, path_of

if TYPE_CHECKING:
    from waypost.client.models import (
        NodeRules,
        NftablesRules,
        Question,
        QuestionType,
        Resolution,
        Resolver,
        RulesPart,
        SelfSubjectReview,
        ServiceExplanation,
    )

QUESTIONS_MAX: Final = 256  # of one request


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
        """Send any request of the API's document, and return the JSON object of its answer."""
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
        return cast("Resolution", await self._requests.ask("GET", "/resolve", query=query))

    async def resolve_all(
        self, questions: "Iterable[str | Question]", *, revision: str = ""
    ) -> "tuple[Resolution, ...]":
        """Resolve many names; a text is a name in the namespace ``default``.

        Up to 256 questions are answered together, at one revision.
        """
        asked = [{"name": each} if isinstance(each, str) else each for each in questions]
        found: list[Resolution] = []
        for start in range(0, len(asked), QUESTIONS_MAX):
            answer = await self._requests.ask(
                "POST",
                "/resolve",
                {"questions": asked[start : start + QUESTIONS_MAX]},
                query={"resourceVersion": revision},
                is_repeatable=True,
            )
            found += answer["resolutions"]
        return tuple(found)

    async def explain(
        self, service: str, *, namespace: str = DEFAULT_NAMESPACE, revision: str = ""
    ) -> "ServiceExplanation":
        """Explain why each Pod of the namespace is, or is not, an endpoint of a Service."""
        path = f"{path_of('services', namespace, service)}/explain"
        return cast("ServiceExplanation", await self._at(path, revision))

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
        return await self._at(f"{path_of('nodes', '', node)}/{mode}", revision)

    async def rules_text(
        self, node: str, part: "RulesPart" = "script", *, revision: str = ""
    ) -> str:
        """Read the rules of a node in IPVS mode as the input of the kernel's programs."""
        path = f"{path_of('nodes', '', node)}/ipvs.txt"
        query = {"part": part, "resourceVersion": revision}
        return await self._requests.read_text(path, query=query)

    async def whoami(self) -> "SelfSubjectReview":
        """Read the user that requests act for, and the user's groups."""
        return cast("SelfSubjectReview", await self._at("/whoami", ""))

    async def _at(self, path: str, revision: str) -> Mapping[str, Any]:
        return await self._requests.ask("GET", path, query={"resourceVersion": revision})
