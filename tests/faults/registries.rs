//! Registries as they really are: a case for each that people use, answering as it does. What they have in common is
//! tested against real servers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use ocireg::error::{Code, Error};
use ocireg::inside::may_send_credentials;
use ocireg::reference::Reference;
use ocireg::registry::manifest::{DeleteOptions, DeletedManifest, GetOptions, HeadOptions, Manifest};
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::upload::{BlobPutOptions, UploadOptions};
use ocireg::registry::Client;
use serde_json::json;
use url::Url;

use crate::common::*;
use crate::server::*;

/// Deletes without looking for a subject.
pub const WITHOUT_REFERRERS: DeleteOptions = DeleteOptions { referrers_tag: false };

pub fn get(client: &Client, host: &str) -> Result<Manifest, Error> {
    client.get_manifest(&call(client), &tag(host), &GetOptions::default())
}

pub fn manifest() -> Reply {
    reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST)
}

pub fn errors(status: u16, code: &str, message: &str) -> Reply {
    reply(status).json(&json!({"errors": [{"code": code, "message": message}]}).to_string())
}

pub fn bearer(seen: &Seen, rest: &str) -> Reply {
    let realm = format!(r#"Bearer realm="http://{}/token"{rest}"#, seen.header("host").unwrap());
    errors(401, "UNAUTHORIZED", "authentication required").header("WWW-Authenticate", realm)
}

pub fn token(name: &str) -> Reply {
    reply(200).json(&json!({"token": name, "expires_in": 300}).to_string())
}

fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}")))
}

fn client_as(host: &str, username: &str, password: &str) -> Client {
    let client = client();
    let options = json!({"username": username, "password": password, "plain_http": true});
    client.set_host(host, host_options(options)).unwrap();
    client
}

/// The scopes requested for a token, decoded.
pub fn scopes(asked: &Seen) -> Vec<String> {
    let url = Url::parse("http://x").unwrap().join(&asked.target).unwrap();
    url.query_pairs().filter(|(name, _)| name == "scope").map(|(_, value)| value.into_owned()).collect()
}

pub fn tokens(server: &Server) -> Vec<Seen> {
    server.seen().into_iter().filter(|seen| seen.path().starts_with("/token")).collect()
}

#[test]
fn docker_hub_adds_library_and_has_a_token_server_of_its_own() {
    let server = Server::start(|seen| match (seen.path(), seen.header("authorization")) {
        ("/token", _) => reply(200)
            .json(r#"{"token":"hub","access_token":"hub","expires_in":300,"issued_at":"2026-01-01T00:00:00Z"}"#),
        ("/v2/library/busybox/manifests/latest", Some("Bearer hub")) => manifest(),
        _ => bearer(seen, r#",service="registry.docker.io",scope="repository:library/busybox:pull""#),
    });
    let client = client();
    let hub = json!({"endpoint": server.url(""), "username": "alice", "password": "dckr_pat_x"});
    client.set_host("docker.io", host_options(hub)).unwrap();
    let busybox = Reference::parse("busybox", None).unwrap();
    client.get_manifest(&call(&client), &busybox, &GetOptions::default()).unwrap();
    let asked = &tokens(&server)[0];
    assert_eq!(scopes(asked), ["repository:library/busybox:pull"]);
    assert!(asked.target.contains("service=registry.docker.io"), "{}", asked.target);
    assert_eq!(asked.header("authorization"), Some(basic("alice", "dckr_pat_x").as_str()));
    // The credentials may go to the Hub's own token server, and only there.
    let url = |text: &str| Url::parse(text).unwrap();
    let may = |registry: &str, realm: &str| may_send_credentials(&url(registry), &url(realm), &[]);
    assert!(may("https://registry-1.docker.io/", "https://auth.docker.io/token"));
    assert!(!may("https://registry-1.docker.io/", "http://auth.docker.io/token"));
    assert!(!may("https://ghcr.io/", "https://auth.docker.io/token"));
}

#[test]
fn docker_hub_limits_pulls_for_hours_and_is_not_asked_on() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "HEAD" => reply(200)
            .header("Content-Type", MANIFEST_TYPE)
            .header("Docker-Content-Digest", digest(MANIFEST.as_bytes()))
            .header("ratelimit-limit", "100;w=21600")
            .header("ratelimit-remaining", "0;w=21600")
            .body(MANIFEST),
        _ => errors(429, "TOOMANYREQUESTS", "You have reached your pull rate limit.").header("Retry-After", 21600),
    });
    let client = client();
    let error = fails(get(&client, &server.host), Code::RateLimited, "21600 s");
    assert_eq!((error.retry_after(), server.seen().len()), (Some(21600), 1));
    assert_eq!(error.registry_errors()[0].code, "TOOMANYREQUESTS");
    // A HEAD is not counted, and tells what is left; but this client waits before it contacts the host again.
    let client = self::client();
    let head = client.head_manifest(&call(&client), &tag(&server.host), &HeadOptions::default()).unwrap();
    assert_eq!(head.headers.get("ratelimit-remaining").as_deref(), Some("0;w=21600"));
}

#[test]
fn ghcr_gives_anonymous_tokens_and_its_ping_names_a_placeholder() {
    let server = Server::start(|seen| match (seen.path(), seen.header("authorization")) {
        ("/token", None) => reply(200).json(r#"{"token":"anonymous"}"#),
        ("/v2/", _) => bearer(seen, r#",service="ghcr.io",scope="repository:user/image:pull""#),
        (_, Some("Bearer anonymous")) => manifest(),
        _ => bearer(seen, r#",service="ghcr.io",scope="repository:a/b:pull""#),
    });
    let client = client();
    client.ping(&call(&client), &server.host).unwrap();
    get(&client, &server.host).unwrap();
    for asked in tokens(&server) {
        assert_eq!(scopes(&asked), ["repository:a/b:pull"]);
    }
}

#[test]
fn ecr_private_has_no_token_server_and_its_blobs_refuse_an_authorization() {
    let blob = noise(1000);
    let copy = blob.clone();
    let s3 = Server::start(move |seen| match seen.header("authorization") {
        Some(_) => reply(400).body("<Error><Message>Only one auth mechanism allowed</Message></Error>"),
        None => serve(&copy, seen),
    });
    let target = s3.url("/layer?X-Amz-Credential=AKIA%2Fx&X-Amz-Signature=a%2Bb");
    let good = basic("AWS", "token");
    let ecr = Server::start(move |seen| match seen.header("authorization") {
        Some(sent) if sent == good => reply(307).header("Location", &target),
        _ => reply(401).header("WWW-Authenticate", r#"Basic realm="https://1.dkr.ecr.x/",service="ecr.amazonaws.com""#),
    });
    let client = client_as(&ecr.host, "AWS", "token");
    let found = client.get_blob(&call(&client), &at(&ecr.host, &digest(&blob)), &Default::default()).unwrap();
    assert!(found.1 == blob);
    assert_eq!(tokens(&ecr).len(), 0);
}

#[test]
fn ecr_private_says_403_and_400_where_others_say_401_and_404() {
    let said = "Your authorization token has expired. Reauthenticate and try again.";
    for (status, code, wanted) in [(403, "DENIED", Code::Forbidden), (400, "DENIED", Code::Forbidden)] {
        let server = Server::start(move |seen| match seen.header("authorization") {
            None => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
            Some(_) => errors(status, code, said),
        });
        let error = fails(get(&client_as(&server.host, "AWS", "old"), &server.host), wanted, said);
        assert_eq!(error.http_status(), Some(status));
        assert_eq!(server.seen().len(), 2, "what was refused is not sent again");
    }
}

/// The token is used after it has expired: `status` is the registry's response. That a token is old enough to
/// be doubted takes half a minute.
fn expires(status: u16) {
    let given = Arc::new(Mutex::new(0));
    let server = Server::start(move |seen| {
        let mut given = given.lock().unwrap();
        match (seen.path(), seen.header("authorization")) {
            ("/token/", _) => {
                *given += 1;
                token(&format!("t{given}"))
            }
            (_, Some("Bearer t1")) if seen.number > 2 => {
                errors(status, "DENIED", "Your authorization token has expired.")
            }
            (_, Some(_)) => manifest(),
            (_, None) => {
                let realm =
                    format!(r#"Bearer realm="http://{}/token/",service="s",scope="aws""#, seen.header("host").unwrap());
                reply(401).header("WWW-Authenticate", realm)
            }
        }
    });
    let client = client();
    get(&client, &server.host).unwrap();
    fails(get(&client, &server.host), Code::Forbidden, "expired");
    std::thread::sleep(Duration::from_secs(31));
    get(&client, &server.host).unwrap();
    assert_eq!(tokens(&server).len(), 2);
    for asked in tokens(&server) {
        assert!(scopes(&asked).contains(&"aws".to_owned()), "{}", asked.target);
    }
}

#[test]
fn ecr_public_answers_400_to_an_expired_token() {
    std::thread::scope(|scope| {
        scope.spawn(|| expires(400));
        scope.spawn(|| expires(403));
    });
}

#[test]
fn gcr_takes_a_key_file_for_a_password_and_no_post() {
    let key = "{\n  \"type\": \"service_account\",\n  \"private_key\": \"-----BEGIN: x\\n\"\n}";
    let good = basic("_json_key", key);
    let server = Server::start(move |seen| match (seen.path(), seen.method.as_str(), seen.header("authorization")) {
        ("/token", "GET", Some(sent)) if sent == good => token("good"),
        ("/token", "GET", _) => errors(401, "UNAUTHORIZED", "bad key"),
        ("/token", ..) => reply(404),
        (_, _, Some("Bearer good")) => manifest(),
        _ => bearer(seen, r#",service="gcr.io""#),
    });
    get(&client_as(&server.host, "_json_key", key), &server.host).unwrap();
    assert_eq!(server.count("POST", "/token"), 0);
}

#[test]
fn gcr_sends_a_bare_401_and_its_ping_says_how() {
    let server = Server::start(|seen| match (seen.path(), seen.header("authorization")) {
        ("/token", _) => token("good"),
        ("/v2/", _) => bearer(seen, r#",service="gcr.io""#),
        (_, Some("Bearer good")) => manifest(),
        _ => reply(401),
    });
    // It may be the first request ever made to the registry.
    get(&client(), &server.host).unwrap();
    assert_eq!(scopes(&tokens(&server)[0]), ["repository:a/b:pull"]);
}

#[test]
fn gcr_says_denied_of_what_is_not_there() {
    for (status, code, wanted) in [(403, "DENIED", Code::Forbidden), (401, "UNAUTHORIZED", Code::Unauthenticated)] {
        let server = Server::start(move |_| errors(status, code, "Permission denied for \"latest\""));
        let error = fails(get(&client(), &server.host), wanted, "Permission denied");
        assert!(error.to_json()["hint"].as_str().unwrap().contains("does not exist"));
    }
}

#[test]
fn acr_gives_an_access_token_without_an_end() {
    let blob = noise(500);
    let copy = blob.clone();
    let azure = Server::start(move |seen| match seen.header("authorization") {
        Some(_) => reply(400).body("<Error><Code>InvalidAuthenticationInfo</Code></Error>"),
        None => serve(&copy, seen),
    });
    let target = azure.url("/docker/registry/blob?sv=1&sig=a%2Fb%3D");
    let acr = Server::start(move |seen| match (seen.path(), seen.header("authorization")) {
        ("/token", Some(_)) => reply(200).json(r#"{"access_token":"acr"}"#),
        (_, Some("Bearer acr")) => reply(307).header("Location", &target),
        _ => bearer(seen, r#",service="x.azurecr.io",scope="repository:a/b:metadata_read""#),
    });
    let client = client_as(&acr.host, "name", "password");
    let found = client.get_blob(&call(&client), &at(&acr.host, &digest(&blob)), &Default::default()).unwrap();
    assert!(found.1 == blob);
    // The scopes in the challenge are added to those needed.
    assert_eq!(scopes(&tokens(&acr)[0]), ["repository:a/b:metadata_read,pull"]);
}

/// Deletes at a registry whose token server knows only these actions, and refuses a request for others with this
/// status.
fn delete_with(
    known: &'static [&'static str],
    needed: &'static str,
    refusal: u16,
) -> (Result<DeletedManifest, Error>, Server) {
    let server = Server::start(move |seen| {
        if seen.path() == "/token" {
            let scope = scopes(seen).concat();
            let actions = scope.rsplit(':').next().unwrap_or_default().to_owned();
            return match actions.split(',').all(|action| known.contains(&action)) {
                true => token(&actions),
                false => errors(refusal, "UNSUPPORTED", "unable to decode the scope"),
            };
        }
        match seen.header("authorization") {
            Some(sent) if sent.trim_start_matches("Bearer ").split(',').any(|action| action == needed) => reply(202),
            Some(_) => bearer(seen, r#",error="insufficient_scope""#),
            None => bearer(seen, ""),
        }
    });
    let client = client_for(&server.host);
    (client.delete_manifest(&call(&client), &at(&server.host, &digest(b"x")), &WITHOUT_REFERRERS), server)
}

#[test]
fn quay_knows_no_delete_scope_and_others_want_it() {
    delete_with(&["pull", "push", "delete", "*"], "delete", 400).0.unwrap();
    delete_with(&["pull", "push", "delete", "*"], "*", 400).0.unwrap();
    for refusal in [400, 403] {
        let (deleted, server) = delete_with(&["pull", "push"], "push", refusal);
        assert_eq!(deleted.unwrap().status, Some(202), "{refusal}");
        assert_eq!(server.count("DELETE", "/manifests/"), 2, "without a token, and with the right one");
    }
}

#[test]
fn quay_robots_have_odd_names_and_uploads_cannot_be_cancelled() {
    let good = basic("org+robot", "token");
    let server = Server::start(move |seen| match (seen.path(), seen.method.as_str(), seen.header("authorization")) {
        ("/token", _, Some(sent)) if sent == good => token("good"),
        (_, _, None) => bearer(seen, ""),
        (_, "HEAD", _) => reply(404),
        (_, "POST", _) => reply(202).header("Location", "/up/1"),
        (_, "DELETE", _) => bearer(seen, r#",error="insufficient_scope""#),
        _ => errors(400, "BLOB_UPLOAD_INVALID", "blob upload invalid"),
    });
    let client = client_as(&server.host, "org+robot", "token");
    let outcome = client.put_blob(&call(&client), &repository(&server.host), &b"bytes"[..], &BlobPutOptions::default());
    fails(outcome, Code::Http, "blob upload invalid");
}

#[test]
fn harbor_has_its_own_words_for_what_is_not_there() {
    let server = Server::start(|seen| match seen.path() {
        "/service/token" => token("good"),
        _ if seen.header("authorization").is_none() => {
            let realm = format!(
                "Bearer realm=\"http://{}/service/token\",service=\"harbor-registry\"",
                seen.header("host").unwrap()
            );
            reply(401).header("WWW-Authenticate", realm)
        }
        _ => errors(404, "UNKNOWN", "http status code: 404, body: not found"),
    });
    let error = fails(get(&client_as(&server.host, "robot$ci+deploy", "x"), &server.host), Code::NotFound, "not found");
    assert_eq!(error.http_status(), Some(404));
}

#[test]
fn harbor_gives_a_head_without_a_length() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "HEAD" => reply(200)
            .header("Content-Type", MANIFEST_TYPE)
            .header("Docker-Content-Digest", digest(MANIFEST.as_bytes()))
            .unframed(),
        _ => manifest(),
    });
    let client = client();
    let head = client.head_manifest(&call(&client), &tag(&server.host), &HeadOptions::default()).unwrap();
    assert_eq!((head.size, server.seen().len()), (MANIFEST.len() as u64, 2));
}

#[test]
fn gitlab_tokens_end_before_a_long_upload_does() {
    let given = Arc::new(Mutex::new(0));
    let server = Server::start(move |seen| {
        let mut given = given.lock().unwrap();
        match (seen.path(), seen.method.as_str(), seen.header("authorization")) {
            ("/token", ..) => {
                *given += 1;
                token(&format!("t{given}"))
            }
            (_, _, None) | (_, "PUT", Some("Bearer t1")) => bearer(seen, r#",service="container_registry""#),
            (_, "POST", _) => reply(202).header("Location", "/up/1"),
            (_, "PATCH", _) => reply(202).header("Location", "/up/1").header("Range", "0-999"),
            (_, "PUT", Some("Bearer t2")) => created(seen),
            _ => reply(500),
        }
    });
    let client = client_as(&server.host, "gitlab-ci-token", "job");
    let options = UploadOptions { chunk_size: 1000 };
    let mut upload = client.start_upload(&call(&client), &repository(&server.host), &options).unwrap();
    upload.write(&noise(1000)).unwrap();
    upload.finish(None).unwrap();
    assert_eq!((tokens(&server).len(), server.count("PATCH", "/up"), server.count("PUT", "/up")), (2, 1, 2));
}

#[test]
fn artifactory_offers_two_schemes_and_takes_no_post_for_a_token() {
    let server = Server::start(|seen| match (seen.path(), seen.method.as_str(), seen.header("authorization")) {
        ("/token", "GET", Some("Basic YWxpY2U6czNjcmV0")) => {
            reply(200).json(r#"{"token":"good","access_token":"good","expires_in":3600}"#)
        }
        ("/token", ..) => errors(401, "UNAUTHORIZED", "BAD_CREDENTIAL"),
        (_, _, Some("Bearer good")) => reply(200).header("Content-Type", "application/json").body(MANIFEST),
        _ => bearer(seen, r#",service="x.jfrog.io""#).header("WWW-Authenticate", "Basic realm=\"Artifactory Realm\""),
    });
    // The manifest comes without a media type and without a digest.
    let found = get(&client_for(&server.host), &server.host).unwrap();
    assert_eq!(
        (found.document.media_type.as_str(), found.document.digest),
        (MANIFEST_TYPE, digest(MANIFEST.as_bytes()))
    );
    assert_eq!(server.count("POST", "/token"), 0);
}

#[test]
fn nexus_takes_a_password_and_lists_nulls_and_artifactory_digests() {
    let list = format!(r#"{{"name":"a/b","tags":["1",null,"{}","2"]}}"#, digest(b"x"));
    let server = Server::start(move |seen| match seen.header("authorization") {
        Some("Basic YWxpY2U6czNjcmV0") => reply(200).json(&list),
        _ => reply(401).header("WWW-Authenticate", "BASIC realm=\"Sonatype Nexus Repository Manager\""),
    });
    let client = client_for(&server.host);
    let found = client.tags(&call(&client), &format!("{}/a/b", server.host), &TagsOptions::default()).unwrap();
    assert_eq!(found.tags, ["1", "2"]);
}
