cargo build --locked --quiet
