//! Manifests that are not what they claim to be.

use ocireg::error::{Code, Error};
use ocireg::registry::manifest::{GetOptions, HeadOptions, Manifest, PutOptions};
use ocireg::registry::Client;
use serde_json::json;

use crate::common::*;
use crate::server::*;

fn get(client: &Client, host: &str, options: &GetOptions) -> Result<Manifest, Error> {
    client.get_manifest(&call(client), &tag(host), options)
}

fn serves(content_type: &'static str, body: impl Into<Vec<u8>>) -> Server {
    let body = body.into();
    Server::start(move |_| match content_type {
        "" => reply(200).body(&body),
        _ => reply(200).header("Content-Type", content_type).body(&body),
    })
}

#[test]
fn the_type_is_found_where_the_header_does_not_say_it() {
    let client = client();
    for content_type in [
        "",
        "application/json",
        "text/plain; charset=utf-8",
        "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
    ] {
        let server = serves(content_type, MANIFEST);
        let found = get(&client, &server.host, &GetOptions::default()).unwrap();
        assert_eq!((found.document.media_type.as_str(), found.bytes.as_slice()), (MANIFEST_TYPE, MANIFEST.as_bytes()));
    }
}

#[test]
fn ambiguous_documents_are_refused() {
    let client = client();
    let both = MANIFEST.replace("\"layers\":[]", "\"layers\":[],\"manifests\":[]");
    let twice = MANIFEST.replace("\"layers\":[]", "\"layers\":[],\"layers\":[]");
    let negative = MANIFEST.replace("\"size\":2", "\"size\":-2");
    let traversal = MANIFEST.replace("sha256:4413", "sha256:../../");
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for (content_type, body) in [
        (MANIFEST_TYPE, both),
        (MANIFEST_TYPE, twice),
        (MANIFEST_TYPE, negative),
        (MANIFEST_TYPE, traversal),
        (MANIFEST_TYPE, deep),
        ("application/vnd.oci.image.index.v1+json", MANIFEST.to_owned()),
        ("text/html", "<html>proxy</html>".to_owned()),
        (MANIFEST_TYPE, "[]".to_owned()),
        (MANIFEST_TYPE, String::new()),
    ] {
        let shown: String = body.chars().take(60).collect();
        let server = serves(content_type, body);
        let error =
            get(&client, &server.host, &GetOptions::default()).err().unwrap_or_else(|| panic!("{shown} was accepted"));
        assert_eq!(error.code(), Code::InvalidManifest, "{shown}: {error}");
    }
}

#[test]
fn too_large_is_refused_before_it_is_read() {
    let client = client();
    let told = Server::start(|_| reply(200).header("Content-Length", 5 << 20).then(Then::Close));
    fails(get(&client, &told.host, &GetOptions::default()), Code::LimitExceeded, "4194304");
    let untold = Server::start(|_| reply(200).body(vec![b' '; 6 << 20]).unframed());
    fails(get(&client, &untold.host, &GetOptions::default()), Code::LimitExceeded, "4194304");
}

#[test]
fn bytes_of_another_digest_are_fetched_once_more() {
    let client = client();
    let reference = |host: &str| at(host, &digest(MANIFEST.as_bytes()));
    let once = Server::start(|seen| {
        reply(200).header("Content-Type", MANIFEST_TYPE).body(if seen.number == 0 { "{}" } else { MANIFEST })
    });
    assert!(client.get_manifest(&call(&client), &reference(&once.host), &GetOptions::default()).is_ok());
    let always = serves(MANIFEST_TYPE, "{}");
    fails(
        client.get_manifest(&call(&client), &reference(&always.host), &GetOptions::default()),
        Code::DigestMismatch,
        "44136fa3",
    );
    assert_eq!(always.seen().len(), 2);
}

/// Of a tag only the registry says the digest; wrong bytes are not looked at there either, whatever they are.
#[test]
fn bytes_of_a_tag_that_are_not_what_the_registry_says_are_fetched_once_more() {
    let client = client();
    let said = digest(MANIFEST.as_bytes());
    let answer = move |body: &str| {
        reply(200).header("Content-Type", MANIFEST_TYPE).header("Docker-Content-Digest", said.as_str()).body(body)
    };
    for wrong in [&MANIFEST.replacen(':', ";", 1), &MANIFEST.replacen("config", "konfig", 1), &MANIFEST[1..]] {
        let (first, always) = ((answer.clone(), wrong.to_owned()), (answer.clone(), wrong.to_owned()));
        let once = Server::start(move |seen| first.0(if seen.number == 0 { &first.1 } else { MANIFEST }));
        get(&client, &once.host, &GetOptions::default()).unwrap();
        let always = Server::start(move |_| always.0(&always.1));
        fails(get(&client, &always.host, &GetOptions::default()), Code::DigestMismatch, "the registry says");
        assert_eq!(always.seen().len(), 2);
    }
}

#[test]
fn a_head_that_says_too_little_becomes_a_get() {
    let client = client();
    let answers: [fn() -> Reply; 4] = [
        || reply(405),
        || reply(200),
        || reply(200).header("Content-Type", MANIFEST_TYPE),
        || reply(200).header("Docker-Content-Digest", "junk").header("Content-Type", MANIFEST_TYPE),
    ];
    for answer in answers {
        let server = Server::start(move |seen| match seen.method.as_str() {
            "HEAD" => answer(),
            _ => reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST),
        });
        let head = client.head_manifest(&call(&client), &tag(&server.host), &HeadOptions::default()).unwrap();
        assert_eq!((head.digest, head.size), (digest(MANIFEST.as_bytes()), MANIFEST.len() as u64));
    }
}

#[test]
fn options_restrict_what_is_accepted() {
    let client = client();
    let index = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    let server = serves("application/vnd.oci.image.index.v1+json", index);
    assert!(get(&client, &server.host, &GetOptions::default()).is_ok());
    let no_index = GetOptions { accept_index: false, ..Default::default() };
    fails(get(&client, &server.host, &no_index), Code::InvalidManifest, "index");
    assert!(!server.seen()[1].header("accept").unwrap().contains("index"));
    let old = GetOptions { max_schema_version: 1, ..Default::default() };
    fails(get(&client, &server.host, &old), Code::InvalidManifest, "schema version");
    assert!(!server.seen()[2].header("accept").unwrap().contains("oci"));
    let one = GetOptions { accept: vec!["application/x".to_owned()], ..Default::default() };
    get(&client, &server.host, &one).unwrap();
    assert_eq!(server.seen()[3].header("accept"), Some("application/x"));
    let nothing = GetOptions { platform: Some("linux/amd64".to_owned()), ..Default::default() };
    fails(get(&client, &server.host, &nothing), Code::NotFound, "linux/amd64");
}

#[test]
fn an_index_must_be_true_to_its_entries() {
    let entry = |size: usize| {
        let digest = digest(MANIFEST.as_bytes());
        format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":"{MANIFEST_TYPE}","digest":"{digest}","size":{size},"platform":{{"os":"linux","architecture":"amd64"}}}}]}}"#
        )
    };
    let client = client();
    let options = GetOptions { platform: Some("linux/amd64".to_owned()), ..Default::default() };
    for (size, good) in [(MANIFEST.len(), true), (MANIFEST.len() + 1, false)] {
        let index = entry(size);
        let server = Server::start(move |seen| match seen.path().ends_with("/t") {
            true => reply(200).header("Content-Type", "application/vnd.oci.image.index.v1+json").body(&index),
            false => reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST),
        });
        let outcome = get(&client, &server.host, &options);
        match good {
            true => assert_eq!(outcome.unwrap().platform.unwrap().architecture, "amd64"),
            false => drop(fails(outcome, Code::SizeMismatch, "index")),
        }
    }
}

#[test]
fn a_put_whose_answer_was_lost_is_looked_for() {
    let client = client();
    let server = Server::start(|seen| match seen.method.as_str() {
        "PUT" => lost(),
        _ => reply(200).header("Docker-Content-Digest", digest(MANIFEST.as_bytes())).body(MANIFEST),
    });
    let put =
        client.put_manifest(&call(&client), &tag(&server.host), MANIFEST.as_bytes(), &PutOptions::default()).unwrap();
    assert_eq!(put.digest, digest(MANIFEST.as_bytes()));
    assert_eq!(server.count("PUT", "manifests"), 1);
}

#[test]
fn a_put_that_was_not_done_is_an_error() {
    let client = client();
    let put = |server: &Server| {
        client.put_manifest(&call(&client), &tag(&server.host), MANIFEST.as_bytes(), &PutOptions::default())
    };
    let pretends = Server::start(|_| reply(201).json(r#"{"errors":[{"code":"MANIFEST_INVALID","message":"no"}]}"#));
    fails(put(&pretends), Code::InvalidManifest, "no");
    let other = Server::start(|_| reply(201).header("Docker-Content-Digest", digest(b"other")));
    fails(put(&other), Code::DigestMismatch, "stored it as");
    let missing =
        Server::start(|_| reply(404).json(r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown"}]}"#));
    fails(put(&missing), Code::MissingBlob, "blob unknown");
    for status in [200, 202, 204] {
        let older = Server::start(move |seen| match seen.path().ends_with("/t") {
            _ if seen.method == "PUT" => reply(status),
            true => reply(200).header("Docker-Content-Digest", digest(b"older")),
            false => reply(404),
        });
        fails(put(&older), Code::Protocol, "does not have it");
        let odd =
            Server::start(move |seen| if seen.method == "PUT" { reply(status) } else { reply(200).body(MANIFEST) });
        put(&odd).unwrap();
        let lies = Server::start(move |seen| if seen.method == "PUT" { reply(status) } else { reply(404) });
        fails(put(&lies), Code::Protocol, "does not have it");
    }
}

#[test]
fn a_refused_head_gets_its_reason_by_get() {
    let client = client();
    let head = |server: &Server| client.head_manifest(&call(&client), &tag(&server.host), &HeadOptions::default());
    for (status, code, name) in [
        (400, Code::Http, "WHATEVER"),
        (401, Code::Unauthenticated, "UNAUTHORIZED"),
        (403, Code::Forbidden, "DENIED"),
        (404, Code::NotFound, "MANIFEST_UNKNOWN"),
    ] {
        let server = Server::start(move |_| {
            reply(status).json(&json!({"errors": [{"code": name, "message": "the reason"}]}).to_string())
        });
        let error = fails(head(&server), code, "the reason");
        assert_eq!((error.registry_errors()[0].code.as_str(), error.http_status()), (name, Some(status)));
        assert_eq!((server.count("HEAD", ""), server.count("GET", "/manifests/")), (1, 1));
        let blob = client.head_blob(&call(&client), &at(&server.host, &digest(b"x")));
        match status {
            404 => assert!(!blob.unwrap().exists),
            _ => drop(fails(blob, code, "the reason")),
        }
        assert_eq!(server.count("GET", "/blobs/"), usize::from(status != 404));
    }
    // A registry that refuses only HEAD still gives an answer.
    let odd = Server::start(|seen| match seen.method.as_str() {
        "HEAD" => reply(403),
        _ => reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST),
    });
    assert_eq!(head(&odd).unwrap().digest, digest(MANIFEST.as_bytes()));
    let limited = Server::start(|_| reply(429).header("Retry-After", 3600));
    fails(head(&limited), Code::RateLimited, "");
    assert_eq!(limited.count("GET", ""), 0);
}

#[test]
fn hints_tell_the_refusals_apart() {
    let client = client();
    for (status, name, part) in [
        (401, "UNAUTHORIZED", "log in to"),
        (403, "DENIED", "it needs the right repository:a/b:pull"),
        (404, "NAME_UNKNOWN", "no such repository"),
        (404, "MANIFEST_UNKNOWN", "no such tag or digest"),
        (404, "", "check the name"),
    ] {
        let body = json!({"errors": [{"code": name, "message": "m"}]}).to_string();
        let challenge = "Basic realm=\"x\"";
        let server = Server::start(move |_| reply(status).header("WWW-Authenticate", challenge).json(&body));
        let error = get(&client, &server.host, &GetOptions::default()).err().unwrap().to_json();
        let hint = error["hint"].as_str().unwrap().to_owned();
        assert!(hint.contains(part), "{hint}");
        assert!(matches!(status, 404) || hint.contains("does not exist"), "{hint}");
    }
}

#[test]
fn rate_limits_are_told() {
    let limited = |status: u16| {
        reply(status)
            .header("RateLimit-Limit", "100;w=21600")
            .header("RateLimit-Remaining", "7;w=21600")
            .header("Docker-RateLimit-Source", "192.0.2.1")
            .header("Content-Type", MANIFEST_TYPE)
            .header("Docker-Content-Digest", digest(MANIFEST.as_bytes()))
            .body(MANIFEST)
    };
    let expected = json!({"limit": 100, "remaining": 7, "window_seconds": 21600, "source": "192.0.2.1"});
    let client = client();
    let server = Server::start(move |_| limited(200));
    assert_eq!(get(&client, &server.host, &GetOptions::default()).unwrap().to_json()["rate_limit"], expected);
    let head = client.head_manifest(&call(&client), &tag(&server.host), &HeadOptions::default()).unwrap();
    assert_eq!(serde_json::to_value(&head).unwrap()["rate_limit"], expected);
    // With a wait that is too long, and with none at all.
    let once = Client::new(changed(options(), |options| options.http.retries = 0)).unwrap();
    let patient = Server::start(move |_| limited(429).header("Retry-After", "3600"));
    let hasty = Server::start(move |_| limited(429));
    for (client, server) in [(&client, &patient), (&once, &patient), (&once, &hasty)] {
        let error = fails(get(client, &server.host, &GetOptions::default()), Code::RateLimited, "");
        assert_eq!(error.to_json()["rate_limit"], expected);
    }
    let without = serves(MANIFEST_TYPE, MANIFEST);
    assert!(get(&client, &without.host, &GetOptions::default()).unwrap().to_json()["rate_limit"].is_null());
    let other = Server::start(move |_| limited(403));
    let error = fails(get(&client, &other.host, &GetOptions::default()), Code::Forbidden, "");
    assert!(error.to_json()["rate_limit"].is_null());
}

#[test]
fn warnings_are_gathered_once() {
    let server = Server::start(|_| {
        reply(200)
            .header("Warning", r#"299 - "old \"thing\"""#)
            .header("Warning", r#"299 - "going away""#)
            .header("Warning", r#"110 - "stale""#)
            .header("Content-Type", MANIFEST_TYPE)
            .body(MANIFEST)
    });
    let client = client();
    let (context, call) = with_context(&client);
    let events = std::sync::Arc::<std::sync::Mutex<Vec<serde_json::Value>>>::default();
    let kept = events.clone();
    context.set_log(Some(std::sync::Arc::new(move |event| {
        if event["event"] == "warning" {
            kept.lock().unwrap().push(event.clone());
        }
        Ok(())
    })));
    for _ in 0..2 {
        client.get_manifest(&call, &tag(&server.host), &GetOptions::default()).unwrap();
    }
    let expected = [r#"old "thing""#, "going away"];
    let found = context.warnings();
    assert_eq!(found.iter().map(|warning| warning.text.as_str()).collect::<Vec<_>>(), expected);
    assert!(found.iter().all(|warning| warning.host == server.host));
    let events = events.lock().unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!(events[1], json!({"event": "warning", "host": server.host, "text": "going away"}));
}
