"""Reading and watching objects of every kind.

    kind, name -> object          kind, selectors -> Listing | objects, page by page | Watch

A kind is the name that manifests have, ``"Service"``, and objects are then plain dictionaries; or
it is a class of ``models``, ``Service``, and objects are typed as such.  At run time both are
the JSON of the API as it is: unknown fields survive.

Source: contract.md, "Routes" and "GET /watch".
"""

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, cast

from waypost.client.errors import InvalidArgument
from waypost.client.http.queries import Parameters
from waypost.client.http.requests import Requests
from waypost.client.http.shape import of_list, of_object
from waypost.client.kinds import kind_of
from waypost.client.pace import RETRY_S_MAX
from waypost.client.paths import DEFAULT_NAMESPACE
from waypost.client.shapes import T, T_co, mapping, text
from waypost.client.watching.changes import Bookmark, Change
from waypost.client.watching.watch import Watch

PAGE_SIZE: Final = 500  # objects
FOREVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Listing(Generic[T_co]):
    """Objects at one revision, after which a watch may begin (``since``)."""

    items: Sequence[T_co]
    revision: str

    def __iter__(self) -> Iterator[T_co]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


class Reader:
    """Reads objects; every method raises WaypostError.

    ``namespace`` is of no account for kinds without namespaces.  For lists and watches an empty one
    is all of them.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def get(
        self,
        kind: type[T] | str,
        name: str,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        revision: str = "",
    ) -> T:
        """Read an object, once ``revision`` is visible."""
        known = kind_of(kind)
        found = await self._requests.ask(
            "GET",
            known.path_of(namespace, name),
            query={"resourceVersion": revision},
            shape=of_object(known.name),
        )
        return cast("T", found)

    async def list(
        self,
        kind: type[T] | str,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        revision: str = "",
    ) -> Listing[T]:
        """List the objects of a kind at one revision, once ``revision`` is visible."""
        query = _selection(namespace, label_selector, field_selector)
        listing, _ = await self._page(kind, {**query, "resourceVersion": revision})
        return listing

    async def each(
        self,
        kind: type[T] | str,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        page_size: int = PAGE_SIZE,
    ) -> AsyncGenerator[T, None]:
        """Yield the objects of a kind, read page by page, at the revision of the first page.

        Raises Expired when the registry has that state no longer.
        """
        query = {**_selection(namespace, label_selector, field_selector), "limit": page_size}
        token = ""
        while True:
            listing, token = await self._page(kind, {**query, "continue": token})
            for found in listing:
                yield found
            if not token:
                return

    async def _page(self, kind: type[T] | str, query: Parameters) -> tuple[Listing[T], str]:
        """Read a page, and the token with which the next one begins; empty for the last."""
        known = kind_of(kind)
        shape = of_list(known.name)
        answer = await self._requests.ask("GET", known.path, query=query, shape=shape)
        metadata = mapping(answer["metadata"])
        found = cast("Sequence[T]", answer["items"])
        return Listing(found, text(metadata, "resourceVersion")), text(metadata, "continue")

    def watch(  # noqa: PLR0913  each parameter is an option
        self,
        kind: type[T] | str,
        *more: type[T] | str,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        since: str = "",
        patience_s: float = FOREVER,
        pause_s_max: float = RETRY_S_MAX,
    ) -> Watch[Change[T]]:
        """Watch kinds: first every object is ADDED, then come the changes, and no end.

        With ``since`` the changes after that revision come; Expired is raised when the registry
        has them no longer.  ``field_selector`` is for one kind.  A watch without a registry for
        ``patience_s`` raises the last error; its pauses grow to ``pause_s_max``.
        """
        asked = _asked((kind, *more), namespace, label_selector, field_selector)
        return Watch(
            self._requests, *asked, since=since, patience_s=patience_s, pause_s_max=pause_s_max
        )

    def watch_with_bookmarks(  # noqa: PLR0913  each parameter is an option
        self,
        kind: type[T] | str,
        *more: type[T] | str,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        since: str = "",
        patience_s: float = FOREVER,
        pause_s_max: float = RETRY_S_MAX,
    ) -> Watch[Change[T] | Bookmark]:
        """Watch kinds, with a bookmark whenever the changes so far are a complete state.

        The first one comes after all objects, more after every write, also one that changes
        nothing that is watched.
        """
        asked = _asked((kind, *more), namespace, label_selector, field_selector)
        return Watch(
            self._requests,
            *asked,
            since=since,
            with_bookmarks=True,
            patience_s=patience_s,
            pause_s_max=pause_s_max,
        )


def _asked(
    named: Iterable[type | str], namespace: str, label_selector: str, field_selector: str
) -> tuple[str, Parameters]:
    """Give the path and the query of a watch; raises InvalidArgument."""
    kinds = [kind_of(each) for each in named]
    query = _selection(namespace, label_selector, field_selector)
    if not field_selector:
        return "/watch", {**query, "kinds": ",".join(each.name for each in kinds)}
    if len(kinds) > 1:
        raise InvalidArgument("field_selector is for a watch of one kind")
    return kinds[0].path, {**query, "watch": True}


def _selection(namespace: str, label_selector: str, field_selector: str) -> dict[str, str]:
    return {
        "namespace": namespace,
        "labelSelector": label_selector,
        "fieldSelector": field_selector,
    }
