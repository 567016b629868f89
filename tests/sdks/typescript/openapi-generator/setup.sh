pip install openapi-generator-cli==7.26.0
npm init --yes
npm pkg set type=module
npm install --save-dev typescript@5.9.3 @types/node@20.19.43
curl --output openapi.json http://127.0.0.1:8053/openapi.json
