"""Remove JSON Patch from the document, whose arrays the generator cannot tell from other bodies."""

import json
import sys

document = json.load(sys.stdin)
for operations in document["paths"].values():
    content = operations.get("patch", {}).get("requestBody", {}).get("content", {})
    content.pop("application/json-patch+json", None)
json.dump(document, sys.stdout)
