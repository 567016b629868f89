python without_json_patch.py < openapi.json > document.json
openapi-python-client generate --path document.json --config settings.yaml \
  --meta none --output-path waypost_client --overwrite
