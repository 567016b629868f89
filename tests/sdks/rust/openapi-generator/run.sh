cargo run --locked --quiet --bin main-job
