cargo run --quiet --bin first_watch
