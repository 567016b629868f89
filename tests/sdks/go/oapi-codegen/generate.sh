mkdir -p waypost
go tool oapi-codegen -config settings.yaml openapi.json
