go run ./first_watch
