npx openapi-typescript openapi.json --output waypost.d.ts
