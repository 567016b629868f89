openapi-python-client generate --path openapi.json --config settings.yaml \
  --meta none --output-path waypost_api --overwrite
