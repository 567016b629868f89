"""HTTP surface of the Namespace kind."""

from app.api.objects.collections import Noun, add_finalize_route, collection_router
from app.domain.objects.kinds import NAMESPACE
from app.schemas.objects.lists import NamespaceList
from app.schemas.objects.namespace import NamespaceRead, NamespaceWrite

NOUN = Noun(
    kind=NAMESPACE,
    singular="namespace",
    plural="namespaces",
    write=NamespaceWrite,
    read=NamespaceRead,
    list_of=NamespaceList,
)

router = collection_router(NOUN)
add_finalize_route(router, NOUN)
