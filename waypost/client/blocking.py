"""The client of programs without an event loop: the same, in an event loop of its own.

    BlockingWaypost.get(…) -> a thread's event loop -> Waypost.get(…)

There is one implementation.  Each method here is that of ``Waypost``, run to its end, with a type
made of the other's.  Heartbeats of registrations go on by themselves.
"""

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
)
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack
from functools import partial, wraps
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, Final, Generic, ParamSpec, Self, cast

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

from waypost.client.http.bounded_reading import BOUNDS, Bounds
from waypost.client.http.retries import RETRIES, Retries
from waypost.client.watching.watch import Watch
from waypost.client.waypost import Waypost

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    # What a type checker cannot follow through a method's type is Any.
    R = TypeVar("R", default=Any)
    R_co = TypeVar("R_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    R, R_co = TypeVar("R"), TypeVar("R_co", covariant=True)

P = ParamSpec("P")
INTERRUPTED_S_MAX: Final = 5.0  # in which an interrupted request must end
_END: Final = object()


def _waited(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate["BlockingWaypost", P], R]:
    @wraps(method)
    def run(self: "BlockingWaypost", *args: P.args, **kwargs: P.kwargs) -> R:
        return self.wait_for(partial(method, self.waypost, *args, **kwargs))

    return run


def _iterated(
    method: Callable[Concatenate[Any, P], AsyncGenerator[R, None]],
) -> Callable[Concatenate["BlockingWaypost", P], Generator[R]]:
    @wraps(method)
    def run(self: "BlockingWaypost", *args: P.args, **kwargs: P.kwargs) -> Generator[R]:
        found = method(self.waypost, *args, **kwargs)
        try:
            yield from _Iteration(self, found)
        finally:
            self.wait_for(found.aclose)

    return run


def _watched(
    method: Callable[Concatenate[Any, P], Watch[R]],
) -> Callable[Concatenate["BlockingWaypost", P], "BlockingWatch[R]"]:
    @wraps(method)
    def run(self: "BlockingWaypost", *args: P.args, **kwargs: P.kwargs) -> "BlockingWatch[R]":
        return BlockingWatch(self, method(self.waypost, *args, **kwargs))

    return run


def _entered(
    method: Callable[Concatenate[Any, P], AbstractAsyncContextManager[R]],
) -> Callable[Concatenate["BlockingWaypost", P], AbstractContextManager[R]]:
    @wraps(method)
    def run(
        self: "BlockingWaypost", *args: P.args, **kwargs: P.kwargs
    ) -> AbstractContextManager[R]:
        entered = method(self.waypost, *args, **kwargs)
        return self.portal.wrap_async_context_manager(entered)

    return run


class BlockingWaypost(AbstractContextManager["BlockingWaypost"]):
    """``Waypost`` whose methods block; it works during a ``with`` block, from any thread."""

    portal: BlockingPortal
    """The event loop, during the block."""

    def __init__(  # noqa: PLR0913  those of Waypost
        self,
        url: str | Iterable[str] | None = None,
        *,
        token: str | None = None,
        token_file: Path | str | None = None,
        retries: Retries = RETRIES,
        bounds: Bounds = BOUNDS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Reach a registry as ``Waypost`` does."""
        self.waypost = Waypost(
            url,
            token=token,
            token_file=token_file,
            retries=retries,
            bounds=bounds,
            transport=transport,
        )
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.portal = self._stack.enter_context(start_blocking_portal())
        self._stack.callback(self.wait_for, self.waypost.aclose)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return self._stack.__exit__(kind, error, traceback)

    def wait_for(self, send: Callable[[], Awaitable[R]]) -> R:
        """Run something in the event loop to its end, and cancel it when this is interrupted."""
        has_ended = Event()

        async def run() -> R:
            try:
                return await send()
            finally:
                has_ended.set()

        future = self.portal.start_task_soon(run)
        try:
            return future.result()
        finally:
            if not future.done():
                future.cancel()
                has_ended.wait(INTERRUPTED_S_MAX)

    get = _waited(Waypost.get)
    list = _waited(Waypost.list)
    each = _iterated(Waypost.each)
    watch = _watched(Waypost.watch)
    create = _waited(Waypost.create)
    replace = _waited(Waypost.replace)
    patch = _waited(Waypost.patch)
    delete = _waited(Waypost.delete)
    apply = _waited(Waypost.apply)
    register = _entered(Waypost.register)
    resolve = _waited(Waypost.resolve)
    resolve_all = _waited(Waypost.resolve_all)
    explain = _waited(Waypost.explain)
    rules = _waited(Waypost.rules)
    rules_text = _waited(Waypost.rules_text)
    whoami = _waited(Waypost.whoami)
    ask = _waited(Waypost.ask)


class _Iteration(Iterator[R_co], Generic[R_co]):
    """An asynchronous iteration, step by step."""

    def __init__(self, waypost: BlockingWaypost, found: AsyncIterator[R_co]) -> None:
        self._waypost, self._found = waypost, found

    def __next__(self) -> R_co:
        async def following() -> object:
            return await anext(self._found, _END)

        found = self._waypost.wait_for(following)
        if found is _END:
            raise StopIteration
        return cast("R_co", found)


class BlockingWatch(_Iteration[R_co], AbstractContextManager["BlockingWatch[R_co]"]):
    """``Watch`` whose steps block."""

    def __init__(self, waypost: BlockingWaypost, watch: Watch[R_co]) -> None:
        super().__init__(waypost, watch)
        self._watch = watch

    @property
    def revision(self) -> str:
        """The last revision whose changes were all taken, for ``since`` of a later watch."""
        return self._watch.revision

    @property
    def problem(self) -> str:
        """Why there is no stream; empty while one is open."""
        return self._watch.problem

    def close(self) -> None:
        """End the watch and its connection."""
        self._waypost.wait_for(self._watch.aclose)

    def __exit__(self, *_: object) -> None:
        self.close()
