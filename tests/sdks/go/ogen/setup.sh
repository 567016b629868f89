go mod init waypost.example/ogen
go get -tool github.com/ogen-go/ogen/cmd/ogen@v1.25.0
curl --output openapi.json http://127.0.0.1:8053/openapi.json
