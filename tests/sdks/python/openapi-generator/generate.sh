openapi-generator-cli generate --input-spec openapi.json --config settings.yaml --output . \
  --global-property apiDocs=false,apiTests=false,modelDocs=false,modelTests=false
