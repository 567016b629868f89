npx openapi-ts
