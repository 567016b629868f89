//! The main job of a Waypost client, with the client that openapi-generator generates.

use std::collections::HashMap;
use std::env::var;
use std::fmt::Debug;
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, from_slice, from_str, json};
use waypost::apis::configuration::Configuration;
use waypost::apis::manifests_api::ApplyParams;
use waypost::apis::names_api::{ResolveManyParams, ResolveParams};
use waypost::apis::rules_api::ReadNodeIpvsParams;
use waypost::apis::services_api::*;
use waypost::apis::tokens_api::CreateTokenParams;
use waypost::apis::{Api, ApiClient, Error};
use waypost::models::*;

/// The generated client, and its settings for requests that it cannot make.
struct Client {
    api: ApiClient,
    settings: Arc<Configuration>,
}

fn connected(token: &str) -> Client {
    let settings = Arc::new(Configuration {
        base_path: var("BASE_URL").unwrap(),
        bearer_access_token: Some(token.to_owned()),
        ..Configuration::default()
    });
    Client { api: ApiClient::new(settings.clone()), settings }
}

impl Client {
    fn services(&self) -> &dyn ServicesApi {
        self.api.services_api()
    }

    /// A request that the generated functions cannot make, with their HTTP client.
    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.settings.base_path);
        let token = self.settings.bearer_access_token.as_ref().unwrap();
        self.settings.client.request(method, url).bearer_auth(token)
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

async fn use_a_token(client: &Client) {
    let asked = Token { spec: Some(TokenSpec::new("deployer".to_owned())), ..Token::default() };
    let asked = CreateTokenParams::builder().token(asked).build();
    let issued = client.api.tokens_api().create_token(asked).await.unwrap();
    let deployer = connected(&issued.status.token.unwrap());
    let me = deployer.api.access_api().whoami().await.unwrap();
    assert_eq!(me.status.user_info.username, "deployer");
    let refused = refusal(connected("wrong").api.access_api().whoami().await);
    assert_eq!(refused.reason, Some(StatusReason::Unauthorized));
}

async fn apply_yaml(client: &Client) {
    let answer = client
        .request(Method::POST, "/apply")
        .header("Content-Type", "application/yaml")
        .body(std::fs::read("ent.yaml").unwrap())
        .send()
        .await
        .unwrap();
    let applied: ApplyResult = from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(applied.results.len(), 6);
}

async fn apply_json(client: &Client) {
    let body = ApplyParams::builder().manifest(Manifest::Service(service("api"))).build();
    let applied = client.api.manifests_api().apply(body).await.unwrap();
    assert_eq!(applied.results[0].operation, AppliedOperation::Created);
}

async fn create(client: &Client) {
    let asked = CreateServiceParams::builder().service(service("web")).build();
    let created = client.services().create_service(asked).await.unwrap();
    assert!(created.spec.unwrap().cluster_ip.is_some());
}

async fn list_in_pages(client: &Client) {
    let mut names = vec![];
    let mut next: Option<String> = None;
    loop {
        let page = ListServicesParams::builder()
            .namespace("default".to_owned())
            .limit(2)
            .maybe_continue(next)
            .build();
        let page = client.services().list_services(page).await.unwrap();
        names.extend(page.items.into_iter().filter_map(|each| each.metadata.name));
        next = page.metadata.r#continue;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(names, ["api", "ent", "web"]);
}

fn web() -> ReadServiceParams {
    ReadServiceParams::builder().namespace("default".to_owned()).name("web".to_owned()).build()
}

async fn read(client: &Client) -> Service {
    let found = client.services().read_service(web()).await.unwrap();
    let port = &found.spec.as_ref().unwrap().ports.as_ref().unwrap()[0];
    assert_eq!(port.target_port, Some(IntOrString::Integer(8080)));
    found
}

/// Sends a merge patch, in which null removes a label: the generated function sends it as plain JSON,
/// which is refused.
async fn patch(client: &Client, labels: Value, etag: Option<&str>) -> reqwest::Response {
    let mut asked = client
        .request(Method::PATCH, "/services/default/web")
        .header("Content-Type", "application/merge-patch+json")
        .json(&json!({"metadata": {"labels": labels}}));
    if let Some(etag) = etag {
        asked = asked.header("If-Match", etag);
    }
    asked.send().await.unwrap()
}

async fn merge_patch(client: &Client) {
    let answer = patch(client, json!({"tier": null, "track": "stable"}), None).await;
    let patched: Service = from_slice(&answer.bytes().await.unwrap()).unwrap();
    let labels = patched.metadata.labels.unwrap();
    assert_eq!(labels, HashMap::from([("track".to_owned(), "stable".to_owned())]));
}

async fn write_stale(client: &Client, stale: Service) {
    let asked = ReplaceServiceParams::builder()
        .namespace("default".to_owned())
        .name("web".to_owned())
        .service(stale)
        .build();
    let Err(Error::ResponseError(refused)) = client.services().replace_service(asked).await else {
        panic!("it was not refused");
    };
    let Some(ReplaceServiceError::DefaultResponse(status)) = refused.entity else {
        panic!("it was refused without a Status: {}", refused.content);
    };
    assert_eq!((status.code, status.reason), (409, Some(StatusReason::Conflict)));
}

/// The functions give no headers, but an entity tag is the revision in quotes.
async fn patch_if_match(client: &Client) {
    let version = read(client).await.metadata.resource_version.unwrap();
    let etag = Some(format!("\"{version}\""));
    let patched = patch(client, json!({"track": "next"}), etag.as_deref()).await;
    assert!(patched.status().is_success());
    let refused = patch(client, json!({"track": "next"}), etag.as_deref()).await;
    let refused: Status = from_slice(&refused.bytes().await.unwrap()).unwrap();
    assert_eq!(refused.reason, Some(StatusReason::PreconditionFailed));
}

async fn resolve(client: &Client) {
    let asked = ResolveParams::builder().name("ent".to_owned()).namespace("default".to_owned());
    let found = client.api.names_api().resolve(asked.build()).await.unwrap();
    assert_eq!(found.status, ResolutionStatus::Noerror);
}

async fn resolve_batch(client: &Client) {
    let names = ["web", "no.default.svc.cluster.local."];
    let batch = QuestionBatch::new(names.map(|name| Question::new(name.to_owned())).to_vec());
    let asked = ResolveManyParams::builder().question_batch(batch).build();
    let found = client.api.names_api().resolve_many(asked).await.unwrap().resolutions;
    assert_eq!(found[0].status, ResolutionStatus::Noerror);
    assert_eq!(found[1].status, ResolutionStatus::Nxdomain);
}

async fn read_rules(client: &Client, address: &str) {
    let asked = ReadNodeIpvsParams::builder().name("n1".to_owned()).build();
    let rules = client.api.rules_api().read_node_ipvs(asked).await.unwrap();
    assert!(rules.virtual_servers.iter().any(|server| server.address == address));
}

async fn explain(client: &Client) {
    let asked = ExplainServiceParams::builder()
        .namespace("default".to_owned())
        .name("ent".to_owned())
        .build();
    let explained = client.services().explain_service(asked).await.unwrap();
    assert_eq!(explained.endpoints_ready, 2);
    let unready = explained.pods.iter().find(|each| each.pod.name == "ent-3").unwrap();
    assert_eq!(unready.verdict, EndpointVerdict::NotReady);
}

/// Reads the stream line by line: the generated function would wait for its end.
async fn follow_changes(client: &Client, after: &str) {
    let query = [("kinds", "Service"), ("resourceVersion", after)];
    let stream = client.request(Method::GET, "/watch").query(&query).send();
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

async fn delete(client: &Client) {
    let asked = DeleteServiceParams::builder()
        .namespace("default".to_owned())
        .name("web".to_owned())
        .build();
    client.services().delete_service(asked).await.unwrap();
    let gone = refusal(client.services().read_service(web()).await);
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
