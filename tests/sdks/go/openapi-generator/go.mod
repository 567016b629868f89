module waypost.example/openapi-generator

go 1.26.0
