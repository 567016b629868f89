cargo run --locked --quiet --bin first_watch
