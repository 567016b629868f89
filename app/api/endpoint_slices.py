"""HTTP surface of the EndpointSlice kind."""

from app.api.objects.collections import Noun, collection_router
from app.domain.objects.kinds import ENDPOINT_SLICE
from app.schemas.objects.endpoint_slice import EndpointSliceRead, EndpointSliceWrite
from app.schemas.objects.lists import EndpointSliceList

NOUN = Noun(
    kind=ENDPOINT_SLICE,
    singular="endpoint_slice",
    plural="endpoint_slices",
    write=EndpointSliceWrite,
    read=EndpointSliceRead,
    list_of=EndpointSliceList,
)

router = collection_router(NOUN)
