"""Print the Services that there are, and every change of one, until interrupted."""

import os

from waypost_api import ApiClient, ChangesApi, Configuration, Service, WatchEvent

url = os.environ.get("BASE_URL", "http://127.0.0.1:8053")

with ApiClient(Configuration(host=url)) as client:
    for line in ChangesApi(client).watch_without_preload_content(kinds="Service"):
        event = WatchEvent.from_json(line.decode())
        if event and isinstance(service := event.object.actual_instance, Service):
            print(event.type.value, service.metadata.name)
