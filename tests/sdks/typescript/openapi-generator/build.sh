npx tsc
