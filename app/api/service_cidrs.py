"""HTTP surface of the ServiceCIDR kind."""

from app.api.objects.collections import Noun, collection_router
from app.domain.objects.kinds import SERVICE_CIDR
from app.schemas.objects.lists import ServiceCIDRList
from app.schemas.objects.service_cidr import ServiceCIDRRead, ServiceCIDRWrite

NOUN = Noun(
    kind=SERVICE_CIDR,
    singular="service_cidr",
    plural="service_cidrs",
    write=ServiceCIDRWrite,
    read=ServiceCIDRRead,
    list_of=ServiceCIDRList,
)

router = collection_router(NOUN)
