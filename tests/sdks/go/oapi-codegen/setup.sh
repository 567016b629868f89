go mod init waypost.example/oapi-codegen
go get -tool github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2
curl --output openapi.json http://127.0.0.1:8053/openapi.json
