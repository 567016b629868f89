"""How an object goes for good: it is taken out, and what it held is given back."""

from app.domain.objects.kinds import Object
from app.domain.objects.service import Service
from app.domain.registration.services import released
from app.registry.services import pools_of
from app.registry.work import Work


def remove(work: Work, gone: Object) -> None:
    """Take an object out; a Service's addresses are not the next to be handed out."""
    if isinstance(gone, Service):
        work.cursors = released(gone, pools_of(work)).cursors
    work.remove(gone)
