cargo run --locked --quiet
