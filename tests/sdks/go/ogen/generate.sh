go tool ogen --clean --config settings.yaml --package waypost --target waypost openapi.json
