pip install openapi-python-client==0.29.1 attrs httpx python-dateutil
curl --output openapi.json http://127.0.0.1:8053/openapi.json
