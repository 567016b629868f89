pip install openapi-generator-cli==7.26.0
curl --output openapi.json http://127.0.0.1:8053/openapi.json
