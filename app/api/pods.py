"""HTTP surface of the Pod kind."""

from app.api.objects.collections import Noun, add_status_routes, collection_router
from app.domain.objects.kinds import POD
from app.schemas.objects.lists import PodList
from app.schemas.objects.pod import PodRead, PodWrite

NOUN = Noun(
    kind=POD,
    singular="pod",
    plural="pods",
    write=PodWrite,
    read=PodRead,
    list_of=PodList,
)

router = collection_router(NOUN)
add_status_routes(router, NOUN)
