npm init --yes
npm pkg set type=module
npm install --save-dev @hey-api/openapi-ts@0.95.0 typescript@5.9.3 @types/node@20.19.43
curl --output openapi.json http://127.0.0.1:8053/openapi.json
