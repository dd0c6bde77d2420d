//! Challenges and token servers that are unusual, wrong or hostile.

use std::io::{ErrorKind, Read};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use ocireg::error::{Code, Error};
use ocireg::registry::manifest::{GetOptions, Manifest};
use ocireg::registry::Client;
use serde_json::json;

use crate::common::*;
use crate::packed::gzip;
use crate::server::*;

fn get(client: &Client, host: &str) -> Result<Manifest, Error> {
    client.get_manifest(&call(client), &tag(host), &GetOptions::default())
}

fn manifest() -> Reply {
    reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST)
}

/// A registry and its token server in one; `{host}` in the challenge is its own address.
fn registry(challenge: &'static str, token: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |seen| {
        if seen.path().starts_with("/token") {
            return token(seen);
        }
        match seen.header("authorization") {
            Some("Bearer good") => manifest(),
            _ => reply(401)
                .header("WWW-Authenticate", challenge.replace("{host}", seen.header("host").unwrap()))
                .json(r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#),
        }
    })
}

fn good() -> Reply {
    reply(200).json(r#"{"token":"good","expires_in":300}"#)
}

#[test]
fn every_form_of_challenge_is_understood() {
    for challenge in [
        r#"Bearer realm="http://{host}/token",service="s",scope="repository:a/b:pull""#,
        r#"bearer REALM="http://{host}/token" , Service = s"#,
        r#"Negotiate, NTLM abc==, Basic realm="x, Bearer realm=y", Bearer realm="http://{host}/token",service="s",scope="repository:a/b:pull,push""#,
        r#"Basic realm="r", Bearer realm="http://{host}/token""#,
        r#", ,Bearer realm="http://{host}/token",error="invalid_token""#,
        r#"Bearer realm=http://{host}/token"#,
        r#"Bearer realm="http://{host}/token?a=b%2Fc&d""#,
        r#"Bearer realm="/token""#,
    ] {
        let server = registry(challenge, |_| good());
        let client = client_for(&server.host);
        get(&client, &server.host).unwrap_or_else(|error| panic!("{challenge}: {error}"));
        let asked = server.seen().into_iter().find(|seen| seen.path() == "/token").unwrap();
        assert!(asked.target.contains("scope=repository%3Aa%2Fb%3Apull"), "{}", asked.target);
        assert_eq!(asked.header("authorization"), Some("Basic YWxpY2U6czNjcmV0"));
        if challenge.contains("a=b") {
            assert!(asked.target.starts_with("/token?a=b%2Fc&d&"), "{}", asked.target);
        }
        if !challenge.to_lowercase().contains("service") {
            assert!(!asked.target.contains("service"), "{}", asked.target);
        }
    }
}

/// A token is asked for as everything else is: the log has its headers without secrets, and its server's warnings reach the caller.
#[test]
fn a_token_request_is_a_request_like_all_others() {
    let server = registry(r#"Bearer realm="http://{host}/token""#, |_| {
        good().header("Warning", r#"299 - "soon no more""#).header("X-Trace", "7")
    });
    let client = client_for(&server.host);
    let (context, call) = with_context(&client);
    let events = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = events.clone();
    context.set_log(Some(Arc::new(move |event| {
        kept.lock().unwrap().push(event.clone());
        Ok(())
    })));
    within(Duration::from_secs(5), || {
        client.get_manifest(&call, &tag(&server.host), &GetOptions::default()).unwrap();
    });
    let events = events.lock().unwrap();
    let of_token = |kind: &str| {
        let is_it = |event: &&serde_json::Value| {
            event["event"] == kind && event["url"].as_str().is_some_and(|url| url.contains("/token"))
        };
        events.iter().find(is_it).unwrap_or_else(|| panic!("no {kind}: {events:?}"))["headers"].clone()
    };
    let sent = of_token("request");
    assert_eq!((&sent["accept"], sent["authorization"].is_string()), (&"application/json".into(), true), "{sent}");
    assert_eq!(of_token("response")["x-trace"], "7");
    assert!(!serde_json::to_string(&*events).unwrap().contains("YWxpY2U6czNjcmV0"));
    assert_eq!(context.warnings().iter().map(|warning| warning.text.as_str()).collect::<Vec<_>>(), ["soon no more"]);
}

#[test]
fn either_name_of_the_token_is_taken_and_kept() {
    for body in [
        r#"{"token":"good"}"#,
        r#"{"access_token":"good","expires_in":3600}"#,
        r#"{"token":"bad","access_token":"good"}"#,
    ] {
        let server = registry(r#"Bearer realm="http://{host}/token""#, move |_| reply(200).json(body));
        let client = client();
        for _ in 0..3 {
            get(&client, &server.host).unwrap();
        }
        // One 401, one token, and three responses.
        assert_eq!((server.count("GET", "/token"), server.seen().len()), (1, 5), "{body}");
        let asked = server.seen().into_iter().find(|seen| seen.path() == "/token").unwrap();
        assert_eq!(asked.header("authorization"), None, "anonymous sends no credentials");
    }
}

#[test]
fn many_threads_fetch_one_token() {
    let server = registry(r#"Bearer realm="http://{host}/token""#, |_| {
        std::thread::sleep(Duration::from_millis(200));
        good()
    });
    let client = client();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| get(&client, &server.host).unwrap());
        }
    });
    assert_eq!(server.count("GET", "/token"), 1);
}

#[test]
fn a_token_that_expires_is_renewed() {
    let tokens = Arc::new(AtomicUsize::new(0));
    let given = tokens.clone();
    let server = Server::start(move |seen| {
        if seen.path() == "/token" {
            let number = given.fetch_add(1, Ordering::SeqCst) + 1;
            return reply(200).json(&format!(r#"{{"token":"t{number}"}}"#));
        }
        // Each token is good for two requests.
        let wanted = format!("Bearer t{}", given.load(Ordering::SeqCst));
        let spent = seen.number % 5 == 4;
        match seen.header("authorization") {
            Some(value) if value == wanted && !spent => manifest(),
            _ => reply(401)
                .header("WWW-Authenticate", format!(r#"Bearer realm="http://{}/token""#, seen.header("host").unwrap())),
        }
    });
    let client = client();
    for _ in 0..10 {
        get(&client, &server.host).unwrap();
    }
    assert!(tokens.load(Ordering::SeqCst) > 1);
}

#[test]
fn a_registry_that_never_says_yes_is_not_asked_for_ever() {
    let server = registry(r#"Bearer realm="http://{host}/token""#, |_| reply(200).json(r#"{"token":"bad"}"#));
    let client = client();
    let error = fails(get(&client, &server.host), Code::Unauthenticated, "authentication required");
    assert_eq!(error.http_status(), Some(401));
    assert_eq!(server.seen().len(), 3);
    // With credentials it is a matter of permissions.
    let client = client_for(&server.host);
    fails(get(&client, &server.host), Code::Forbidden, "authentication required");
}

#[test]
fn wrong_credentials_are_sent_once() {
    let server = registry(r#"Bearer realm="http://{host}/token""#, |_| {
        reply(401).json(r#"{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}"#)
    });
    let client = client_for(&server.host);
    fails(get(&client, &server.host), Code::Unauthenticated, "incorrect username or password");
    assert_eq!(server.count("GET", "/token"), 1, "more would lock the account");
    let basic = Server::start(|_| reply(401).header("WWW-Authenticate", "Basic realm=\"r\""));
    let client = client_for(&basic.host);
    fails(get(&client, &basic.host), Code::Unauthenticated, "");
    assert_eq!(basic.seen().len(), 2);
}

#[test]
fn token_servers_that_answer_nonsense_are_an_error() {
    let long = format!(r#"{{"token":"{}"}}"#, "x".repeat(2 << 20));
    for (body, code) in [
        ("<html>login</html>".to_owned(), Code::Protocol),
        (String::new(), Code::Protocol),
        ("{}".to_owned(), Code::Protocol),
        (r#"{"token":"a\r\nX-Evil: 1"}"#.to_owned(), Code::Protocol),
        (r#"{"token":"a","token":"b"}"#.to_owned(), Code::Protocol),
        (long, Code::LimitExceeded),
    ] {
        let shown: String = body.chars().take(30).collect();
        let server = registry(r#"Bearer realm="http://{host}/token""#, move |_| reply(200).json(&body));
        let error = get(&client(), &server.host).err().unwrap();
        assert_eq!(error.code(), code, "{shown}: {error}");
        assert!(!error.message().contains("X-Evil"));
    }
}

#[test]
fn a_token_answer_is_what_its_bytes_are_whatever_its_headers_say() {
    let plain = br#"{"token":"good","expires_in":300}"#.to_vec();
    let packed = gzip(&plain);
    for (header, value, body) in [
        ("Content-Encoding", "gzip", plain.clone()),
        ("Content-Encoding", "x-gzip", plain.clone()),
        ("Content-Encoding", "br", plain.clone()),
        ("Content-Encoding", "gzip, deflate", plain.clone()),
        ("Content-Encoding", "gzip", packed.clone()),
        ("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==", plain),
    ] {
        let server = registry(r#"Bearer realm="http://{host}/token""#, move |_| {
            reply(200).header(header, value).header("Content-Type", "application/json").body(&body)
        });
        get(&client(), &server.host).unwrap_or_else(|error| panic!("{header}: {value}: {error}"));
    }
    let server = registry(r#"Bearer realm="http://{host}/token""#, move |_| {
        reply(200).header("Content-Encoding", "gzip").body([&packed[..10], b"nonsense"].concat())
    });
    assert_eq!(get(&client(), &server.host).err().unwrap().code(), Code::Protocol);
}

#[test]
fn a_token_servers_refusal_is_what_its_bytes_are_whatever_its_headers_say() {
    let server = registry(r#"Bearer realm="http://{host}/token""#, |_| {
        reply(400).header("Content-Encoding", "gzip").body(br#"{"error":"invalid_grant"}"#)
    });
    let client = client();
    client.set_host(&server.host, host_options(json!({"identity_token": "old", "plain_http": true}))).unwrap();
    assert_eq!(get(&client, &server.host).err().unwrap().code(), Code::Unauthenticated);
}

/// The token server says nothing, the caller leaves, and lets go of the client: the fetch that is left lets go of the server.
#[test]
fn a_fetch_that_nobody_waits_for_ends_with_its_client() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let realm = silent.local_addr().unwrap();
    let server = Server::start(move |_| {
        reply(401).header("WWW-Authenticate", format!(r#"Bearer realm="http://{realm}/token""#))
    });
    let client = client();
    let (context, call) = with_context(&client);
    context.set_deadline(Some(Duration::from_millis(500)));
    let error = client.get_manifest(&call, &tag(&server.host), &GetOptions::default()).err().unwrap();
    assert_eq!(error.code(), Code::Timeout);
    let (mut connection, _) = silent.accept().unwrap();
    connection.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut request = Vec::new();
    let waits = connection.read_to_end(&mut request).unwrap_err();
    assert!(matches!(waits.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{waits}");
    drop((client, call));
    connection.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert_eq!(connection.read_to_end(&mut request).unwrap(), 0);
}

#[test]
fn a_token_server_that_recovers_is_asked_again() {
    let calls = AtomicUsize::new(0);
    let server =
        registry(r#"Bearer realm="http://{host}/token""#, move |_| match calls.fetch_add(1, Ordering::SeqCst) {
            0 => reply(503),
            1 => reply(200).body("x").cut(0, Then::Reset),
            _ => good(),
        });
    get(&client(), &server.host).unwrap();
    assert_eq!(server.count("GET", "/token"), 3);
}

#[test]
fn realms_that_lead_astray_are_refused() {
    for realm in [
        "http://169.254.169.254/token",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "http://u:p@127.0.0.1/token",
        "",
        "http://[fe80::1]/",
    ] {
        let challenge: &'static str = Box::leak(format!("Bearer realm=\"{realm}\"").into_boxed_str());
        let server = registry(challenge, |_| good());
        let error = get(&client_for(&server.host), &server.host).err().unwrap();
        assert!(matches!(error.code(), Code::Redirect | Code::Protocol | Code::Unauthenticated), "{realm}: {error}");
        assert_eq!(server.seen().len(), 1, "{realm}");
    }
    let stranger = Server::start(|_| good());
    let target = stranger.url("/token");
    let server = registry(r#"Bearer realm="http://{host}/token""#, move |_| reply(302).header("Location", &target));
    fails(get(&client_for(&server.host), &server.host), Code::Redirect, "redirects");
    assert_eq!(stranger.seen().len(), 0);
}

#[test]
fn redirects_of_a_token_server_are_followed_at_home() {
    for status in [301, 302, 303, 307, 308] {
        let server = registry(r#"Bearer realm="http://{host}/token""#, move |seen| match seen.path() {
            path if path.starts_with("/token/") => good(),
            _ => reply(status).header("Location", "/token/again?service=x"),
        });
        get(&client_for(&server.host), &server.host).unwrap();
        let again = server.seen().into_iter().find(|seen| seen.path().starts_with("/token/")).unwrap();
        assert_eq!(again.header("authorization"), server.seen()[1].header("authorization"), "{status}");
    }
    let round = registry(r#"Bearer realm="http://{host}/token""#, |_| reply(302).header("Location", "/token"));
    fails(get(&client_for(&round.host), &round.host), Code::Redirect, "loop");
}

/// A 404 of a token server says nothing about the image.
#[test]
fn what_a_token_server_has_not_is_no_missing_image() {
    for status in [404, 405, 410, 501] {
        let server = registry(r#"Bearer realm="http://{host}/token""#, move |_| {
            reply(status).json(r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no"}]}"#)
        });
        let error = fails(get(&client_for(&server.host), &server.host), Code::Http, "the token server");
        assert_eq!(error.http_status(), Some(status));
    }
}

#[test]
fn a_token_given_by_the_caller_is_used_as_it_is() {
    let server = registry(r#"Bearer realm="http://{host}/token""#, |_| reply(500));
    let client = client();
    client.set_host(&server.host, host_options(json!({"token": "good"}))).unwrap();
    get(&client, &server.host).unwrap();
    assert_eq!(server.seen().len(), 1, "without a 401 first");
    client.set_host(&server.host, host_options(json!({"token": "stale"}))).unwrap();
    fails(get(&client, &server.host), Code::Unauthenticated, "");
}

#[test]
fn insufficient_scope_is_forbidden() {
    let server = Server::start(|seen| match seen.path() {
        "/token" => good(),
        _ => reply(401).header(
            "WWW-Authenticate",
            format!(r#"Bearer realm="http://{}/token",error="insufficient_scope""#, seen.header("host").unwrap()),
        ),
    });
    let error = fails(get(&client_for(&server.host), &server.host), Code::Forbidden, "");
    assert_eq!(error.http_status(), Some(401));
    fails(get(&client(), &server.host), Code::Unauthenticated, "");
}

#[test]
fn the_ping_carries_no_credentials() {
    let server = Server::start(|seen| match seen.header("authorization") {
        Some(_) => reply(400),
        None => reply(401)
            .header("WWW-Authenticate", "Basic realm=\"r\"")
            .header("Docker-Distribution-Api-Version", "registry/2.0, ")
            .header("Docker-Distribution-Api-Version", "registry/2.0"),
    });
    let client = client_for(&server.host);
    let ping = client.ping(&call(&client), &server.host).unwrap();
    assert_eq!((ping.status, ping.api_version, ping.versions), (401, Some(2), vec!["registry/2.0".to_owned()]));
    assert_eq!(ping.challenges.len(), 1);
}

#[test]
fn a_ping_tells_old_registries_and_none_apart() {
    let old = Server::start(|seen| if seen.path() == "/v1/_ping" { reply(200).json("true") } else { reply(404) });
    let none = Server::start(|_| reply(404));
    let client = client();
    assert_eq!(client.ping(&call(&client), &old.host).unwrap().api_version, Some(1));
    assert_eq!(client.ping(&call(&client), &none.host).unwrap().api_version, None);
    let broken = Server::start(|_| reply(400));
    fails(client.ping(&call(&client), &broken.host), Code::Http, "ping");
}
