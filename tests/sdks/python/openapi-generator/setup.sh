pip install openapi-generator-cli==7.26.0 pydantic python-dateutil typing-extensions urllib3
curl --output openapi.json http://127.0.0.1:8053/openapi.json
