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
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    contextmanager,
    suppress,
)
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Final, Generic, ParamSpec, Self, cast

import httpx

from waypost.client.errors import Misused
from waypost.client.http.answer import BOUNDS, Bounds
from waypost.client.http.retries import RETRIES, Retries
from waypost.client.loop_thread import LoopThread
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
            with suppress(Misused):  # what is left when the block ends is closed with it
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
    @contextmanager
    def run(self: "BlockingWaypost", *args: P.args, **kwargs: P.kwargs) -> Generator[R]:
        entered = method(self.waypost, *args, **kwargs)
        result = self.wait_for(partial(self.enter, entered))
        raised: BaseException | None = None
        try:
            yield result
        except BaseException as error:
            raised = error
            raise
        finally:
            with suppress(Misused):  # what is not left before the client ends is left with it
                self.wait_for(partial(self.leave, entered, raised))

    return run


class BlockingWaypost(AbstractContextManager["BlockingWaypost"]):
    """``Waypost`` whose methods block; it works during a ``with`` block, from any thread."""

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
        self._loop = LoopThread()
        self._entered: dict[AbstractAsyncContextManager[Any], None] = {}

    def __enter__(self) -> Self:
        self._loop.start(at_exit=self.close)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End what was begun, the last first, and close the connections.

        A program that ends within the block does so too.
        """
        try:
            with suppress(Misused):
                self.wait_for(self._leave_all)
        finally:
            self._loop.stop()

    async def _leave_all(self) -> None:
        try:
            while self._entered:
                await self.leave(next(reversed(self._entered)))
        finally:
            await self.waypost.aclose()

    async def enter(self, entered: AbstractAsyncContextManager[R]) -> R:
        """Begin something that ends when it is left, or with the client."""
        result = await entered.__aenter__()
        self._entered[entered] = None
        return result

    async def leave(
        self, entered: AbstractAsyncContextManager[Any], error: BaseException | None = None
    ) -> None:
        """End something, unless it has ended with the client."""
        if entered in self._entered:
            del self._entered[entered]
            trace = None if error is None else error.__traceback__
            await entered.__aexit__(None if error is None else type(error), error, trace)

    @property
    def is_open(self) -> bool:
        """Whether it works now, within its block."""
        return self._loop.is_running

    def wait_for(self, send: Callable[[], Awaitable[R]]) -> R:
        """Run something in the event loop to its end; an interruption cancels it."""
        return self._loop.run(send)

    get = _waited(Waypost.get)
    list = _waited(Waypost.list)
    each = _iterated(Waypost.each)
    watch = _watched(Waypost.watch)
    watch_with_bookmarks = _watched(Waypost.watch_with_bookmarks)
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
    rules_changes = _waited(Waypost.rules_changes)
    render = _waited(Waypost.render)
    whoami = _waited(Waypost.whoami)
    can_i = _waited(Waypost.can_i)
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
        """End the watch and its connection; a thread that waits for a change waits no longer."""
        with suppress(Misused):  # it has ended with the client
            self._waypost.wait_for(self._watch.aclose)

    def __exit__(self, *_: object) -> None:
        self.close()
