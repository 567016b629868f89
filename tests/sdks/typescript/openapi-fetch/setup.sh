npm init --yes
npm pkg set type=module
npm install openapi-fetch@0.17.0
npm install --save-dev openapi-typescript@7.13.0 typescript@5.9.3 @types/node@20.19.43
curl --output openapi.json http://127.0.0.1:8053/openapi.json
