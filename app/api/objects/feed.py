"""What watchers with the same interest and form are sent, encoded once.

    Position, revision -> Batch: encoded events, and the position reached

Source: contract.md, "GET /watch".
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.api.http.delivery import Frame
from app.domain.bounded import Bounded
from app.domain.names import Revision
from app.registry.reads.view import View
from app.registry.reads.watch import Interest, Position, pending
from app.schemas.objects.encoding import ENCODER, Encoder

BATCHES_KEPT = 4  # encoded batches kept for other watchers with the same interest


class Feed:
    """Events for all watchers with the same interest and form, encoded once."""

    def __init__(
        self,
        view: View,
        interest: Interest,
        frame: Frame,
        *,
        count_work: Callable[[int], None] = lambda _: None,
        encoder: Encoder = ENCODER,
    ) -> None:
        """Encode changes of ``view``; ``count_work`` receives the work of each batch."""
        self._view, self._count_work, self._encoder = view, count_work, encoder
        self._interest, self._frame = interest, frame
        self._batches: Bounded[tuple[Position, Revision, int], Batch] = Bounded(BATCHES_KEPT)

    def batch(self, start: Position, upto: Revision, epoch: int) -> "Batch":
        """Encode the next events on the way to a revision; raises Expired.

        ``epoch`` is that of the view: in another epoch a revision may be another change.
        """
        batch = self._batches.get((start, upto, epoch))
        if batch is None:
            batch = self._batches[start, upto, epoch] = self._encoded(start, upto)
        return batch

    def _encoded(self, start: Position, upto: Revision) -> "Batch":
        assert upto <= self._view.snapshot.revision, "batches are of the past"
        piece = pending(self._view, start, upto, self._interest)
        self._count_work(piece.work)
        frames = (
            self._frame(
                event.type.value,
                event.object.metadata.revision if is_last else None,
                self._encoder.encode(event.object),
            )
            for event, is_last in piece.events
        )
        return Batch(b"".join(frames), piece.reached, len(piece.events))


@dataclass(frozen=True, slots=True)
class Batch:
    """Encoded events, and the position that a watcher has reached with them."""

    frames: bytes
    reached: Position
    events: int
