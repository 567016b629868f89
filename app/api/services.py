"""HTTP surface of the Service kind."""

from app.api.objects.collections import Noun, add_status_routes, collection_router
from app.domain.objects.kinds import SERVICE
from app.schemas.objects.lists import ServiceList
from app.schemas.objects.service import ServiceRead, ServiceWrite

NOUN = Noun(
    kind=SERVICE,
    singular="service",
    plural="services",
    write=ServiceWrite,
    read=ServiceRead,
    list_of=ServiceList,
)

router = collection_router(NOUN)
add_status_routes(router, NOUN)
