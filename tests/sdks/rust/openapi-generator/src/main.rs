//! The main job of a Waypost client, with the client that openapi-generator generates.

use std::collections::HashMap;
use std::env::var;
use std::fmt::Debug;

use reqwest::Method;
use serde_json::{Value, from_slice, from_str, json};
use waypost::apis::configuration::Configuration;
use waypost::apis::services_api::{
    ReplaceServiceError, create_service, delete_service, explain_service, list_services,
    read_service, replace_service,
};
use waypost::apis::{Error, access_api, apply_api, resolve_api, rules_api, tokens_api};
use waypost::models::*;

fn connected(token: &str) -> Configuration {
    Configuration {
        base_path: var("BASE_URL").unwrap(),
        bearer_access_token: Some(token.to_owned()),
        ..Configuration::default()
    }
}

/// The Status of a refused call, for any call; `write_stale` matches the typed error of its own.
fn refusal<T: Debug, E: Debug>(answer: Result<T, Error<E>>) -> Status {
    match answer {
        Err(Error::ResponseError(refused)) => from_str(&refused.content).unwrap(),
        other => panic!("it was not refused: {other:?}"),
    }
}

/// A Service in front of the Pods of `ent.yaml`.
fn service(name: &str) -> Service {
    let port = ServicePort {
        name: Some("http".to_owned()),
        target_port: Some(IntOrString::Integer(8080)),
        ..ServicePort::new(80)
    };
    Service {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(HashMap::from([("tier".to_owned(), "front".to_owned())])),
            ..ObjectMeta::new()
        },
        spec: Some(ServiceSpec {
            selector: Some(HashMap::from([("app".to_owned(), "ent".to_owned())])),
            ports: Some(vec![port]),
            ..ServiceSpec::new()
        }),
        ..Service::default()
    }
}

async fn use_a_token(client: &Configuration) {
    let asked = Token { spec: Some(TokenSpec::new("deployer".to_owned())), ..Token::default() };
    let issued = tokens_api::create_token(client, asked, None, None, None).await.unwrap();
    let deployer = connected(&issued.status.token.unwrap());
    let me = access_api::whoami(&deployer).await.unwrap();
    assert_eq!(me.status.user_info.username, "deployer");
    let refused = refusal(access_api::whoami(&connected("wrong")).await);
    assert_eq!(refused.reason, Some(StatusReason::Unauthorized));
}

/// A request that the generated functions cannot make, with their HTTP client.
fn request(client: &Configuration, method: Method, path: &str) -> reqwest::RequestBuilder {
    let url = format!("{}{path}", client.base_path);
    client.client.request(method, url).bearer_auth(client.bearer_access_token.as_ref().unwrap())
}

async fn apply_yaml(client: &Configuration) {
    let answer = request(client, Method::POST, "/apply")
        .header("Content-Type", "application/yaml")
        .body(std::fs::read("ent.yaml").unwrap())
        .send()
        .await
        .unwrap();
    let applied: ApplyResult = from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(applied.results.len(), 6);
}

async fn apply_json(client: &Configuration) {
    let body = Manifest::Service(service("api"));
    let applied = apply_api::apply(client, body, None, None, None, None, None).await.unwrap();
    assert_eq!(applied.results[0].operation, AppliedOperation::Created);
}

async fn create(client: &Configuration) {
    let created = create_service(client, service("web"), None, None, None).await.unwrap();
    assert!(created.spec.unwrap().cluster_ip.is_some());
}

async fn list_in_pages(client: &Configuration) {
    let mut names = vec![];
    let mut next: Option<String> = None;
    loop {
        #[rustfmt::skip] // a row of options, most of them absent
        let page = list_services(
            client, Some("default"), None, None, Some(2), next.as_deref(), None, None, None, None,
            None, None, None, None,
        );
        let page = page.await.unwrap();
        names.extend(page.items.into_iter().filter_map(|each| each.metadata.name));
        next = page.metadata.r#continue;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(names, ["api", "ent", "web"]);
}

async fn read(client: &Configuration) -> Service {
    let found = read_service(client, "default", "web", None, None, None).await.unwrap();
    let port = &found.spec.as_ref().unwrap().ports.as_ref().unwrap()[0];
    assert_eq!(port.target_port, Some(IntOrString::Integer(8080)));
    found
}

/// Sends a merge patch, in which null removes a label: the generated function sends it as plain JSON,
/// which is refused.
async fn patch(client: &Configuration, labels: Value, etag: Option<&str>) -> reqwest::Response {
    let mut asked = request(client, Method::PATCH, "/services/default/web")
        .header("Content-Type", "application/merge-patch+json")
        .json(&json!({"metadata": {"labels": labels}}));
    if let Some(etag) = etag {
        asked = asked.header("If-Match", etag);
    }
    asked.send().await.unwrap()
}

async fn merge_patch(client: &Configuration) {
    let answer = patch(client, json!({"tier": null, "track": "stable"}), None).await;
    let patched: Service = from_slice(&answer.bytes().await.unwrap()).unwrap();
    let labels = patched.metadata.labels.unwrap();
    assert_eq!(labels, HashMap::from([("track".to_owned(), "stable".to_owned())]));
}

async fn write_stale(client: &Configuration, stale: Service) {
    let written = replace_service(client, "default", "web", stale, None, None, None, None, None);
    let Err(Error::ResponseError(refused)) = written.await else {
        panic!("it was not refused");
    };
    let Some(ReplaceServiceError::DefaultResponse(status)) = refused.entity else {
        panic!("it was refused without a Status: {}", refused.content);
    };
    assert_eq!((status.code, status.reason), (409, Some(StatusReason::Conflict)));
}

/// The functions give no headers, but an entity tag is the revision in quotes.
async fn patch_if_match(client: &Configuration) {
    let version = read(client).await.metadata.resource_version.unwrap();
    let etag = Some(format!("\"{version}\""));
    let patched = patch(client, json!({"track": "next"}), etag.as_deref()).await;
    assert!(patched.status().is_success());
    let refused = patch(client, json!({"track": "next"}), etag.as_deref()).await;
    let refused: Status = from_slice(&refused.bytes().await.unwrap()).unwrap();
    assert_eq!(refused.reason, Some(StatusReason::PreconditionFailed));
}

async fn resolve(client: &Configuration) {
    let namespace = Some("default");
    let found =
        resolve_api::resolve(client, "ent", None, namespace, None, None, None, None, None, None);
    assert_eq!(found.await.unwrap().status, ResolutionStatus::Noerror);
}

async fn resolve_batch(client: &Configuration) {
    let questions =
        ["web", "no.default.svc.cluster.local."].map(|name| Question::new(name.to_owned()));
    let questions = QuestionBatch::new(questions.to_vec());
    let found = resolve_api::resolve_many(client, questions, None).await.unwrap().resolutions;
    assert_eq!(found[0].status, ResolutionStatus::Noerror);
    assert_eq!(found[1].status, ResolutionStatus::Nxdomain);
}

async fn read_rules(client: &Configuration, address: &str) {
    let rules = rules_api::read_node_ipvs(client, "n1", None, None).await.unwrap();
    assert!(rules.virtual_servers.iter().any(|server| server.address == address));
}

async fn explain(client: &Configuration) {
    let explained = explain_service(client, "default", "ent", None).await.unwrap();
    assert_eq!(explained.endpoints_ready, 2);
    let unready = explained.pods.iter().find(|each| each.pod.name == "ent-3").unwrap();
    assert_eq!(unready.verdict, EndpointVerdict::NotReady);
}

/// Reads the stream line by line: the generated function would wait for its end.
async fn follow_changes(client: &Configuration, after: &str) {
    let query = [("kinds", "Service"), ("resourceVersion", after)];
    let stream = request(client, Method::GET, "/watch").query(&query).send();
    let mut stream = stream.await.unwrap();
    patch(client, json!({"track": "done"}), None).await;
    let mut received = vec![];
    while let Some(chunk) = stream.chunk().await.unwrap() {
        received.extend_from_slice(&chunk);
        while let Some(end) = received.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = received.drain(..=end).collect();
            let event: WatchEvent = from_slice(&line).unwrap();
            if event.r#type == WatchEventType::Bookmark {
                continue;
            }
            assert_eq!(event.r#type, WatchEventType::Modified);
            let WatchedObject::Service(changed) = event.object else { panic!("{event:?}") };
            assert_eq!(changed.metadata.labels.unwrap()["track"], "done");
            return;
        }
    }
    panic!("the stream ended");
}

async fn delete(client: &Configuration) {
    delete_service(client, "default", "web", None, None, None, None, None).await.unwrap();
    let gone = refusal(read_service(client, "default", "web", None, None, None).await);
    assert_eq!((gone.code, gone.reason), (404, Some(StatusReason::NotFound)));
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let client = connected(&var("TOKEN").unwrap());
    use_a_token(&client).await;
    println!("token ok");
    apply_yaml(&client).await;
    println!("apply-yaml around");
    apply_json(&client).await;
    println!("apply-json ok");
    create(&client).await;
    println!("create ok");
    list_in_pages(&client).await;
    println!("list ok");
    let first = read(&client).await;
    println!("read ok");
    merge_patch(&client).await;
    println!("merge-patch around");
    write_stale(&client, first.clone()).await;
    println!("stale-write ok");
    patch_if_match(&client).await;
    println!("if-match around");
    resolve(&client).await;
    println!("resolve ok");
    resolve_batch(&client).await;
    println!("resolve-batch ok");
    read_rules(&client, &first.spec.unwrap().cluster_ip.unwrap()).await;
    println!("node-rules ok");
    explain(&client).await;
    println!("explain ok");
    let latest = read(&client).await.metadata.resource_version.unwrap();
    follow_changes(&client, &latest).await;
    println!("watch around");
    delete(&client).await;
    println!("delete ok");
}
