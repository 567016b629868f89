npm ci --no-progress
