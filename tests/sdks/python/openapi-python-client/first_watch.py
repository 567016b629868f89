"""Print the Services that there are, and every change of one, until interrupted."""

import json
import os

from waypost_api import Client
from waypost_api.models import Service, WatchEvent

client = Client(base_url=os.environ.get("BASE_URL", "http://127.0.0.1:8053"))

with client.get_httpx_client().stream("GET", "/watch", params={"kinds": "Service"}) as answer:
    answer.raise_for_status()
    for line in answer.iter_lines():
        event = WatchEvent.from_dict(json.loads(line))
        if isinstance(event.object_, Service):
            print(event.type_, event.object_.metadata.name)
