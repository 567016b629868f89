# Without discriminators, by which serde would take `kind` away before it reads the object.
jq 'del(.. | .discriminator?)' openapi.json > document.json
openapi-generator-cli generate --input-spec document.json --config settings.yaml --output waypost \
  --global-property apiDocs=false,apiTests=false,modelDocs=false,modelTests=false
