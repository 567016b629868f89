"""HTTP surface of the Node kind."""

from app.api.objects.collections import Noun, add_status_routes, collection_router
from app.domain.objects.kinds import NODE
from app.schemas.objects.lists import NodeList
from app.schemas.objects.node import NodeRead, NodeWrite

NOUN = Noun(
    kind=NODE,
    singular="node",
    plural="nodes",
    write=NodeWrite,
    read=NodeRead,
    list_of=NodeList,
)

router = collection_router(NOUN)
add_status_routes(router, NOUN)
