//! Prints the Services that there are, and every change of one, until interrupted.

use std::env::var;

use serde_json::from_slice;
use waypost::models::{WatchEvent, WatchEventType, WatchedObject};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = var("BASE_URL").unwrap_or("http://127.0.0.1:8053".to_owned());
    let mut answer = reqwest::get(format!("{url}/watch?kinds=Service")).await.unwrap();
    let mut received = vec![];
    while let Some(chunk) = answer.chunk().await.unwrap() {
        received.extend_from_slice(&chunk);
        while let Some(end) = received.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = received.drain(..=end).collect();
            let event: WatchEvent = from_slice(&line).unwrap();
            if event.r#type == WatchEventType::Bookmark {
                continue;
            }
            if let WatchedObject::Service(service) = event.object {
                println!("{} {}", event.r#type, service.metadata.name.unwrap());
            }
        }
    }
}
