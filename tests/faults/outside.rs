//! What a caller's own requests are given: the authorization of a repository.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ocireg::error::{Code, Error};
use ocireg::registry::token::TokenOptions;
use ocireg::registry::Client;
use serde_json::{json, Value};

use crate::common::*;
use crate::registries::{bearer, get, manifest, scopes, token, tokens};
use crate::server::*;

const BASIC: &str = "Basic YWxpY2U6czNjcmV0";

fn options(json: Value) -> TokenOptions {
    serde_json::from_value(json).unwrap()
}

fn asked(client: &Client, host: &str, with: Value) -> Result<Value, Error> {
    let issued = client.token(&call(client), &repository(host), &options(with))?;
    Ok(serde_json::to_value(issued).unwrap())
}

/// A registry that gives tokens t1, t2, …, valid for `seconds`, and accepts all.
fn issuing(seconds: u64) -> Server {
    let given = AtomicUsize::new(0);
    Server::start(move |seen| match seen.path() {
        "/token" => {
            let name = format!("t{}", given.fetch_add(1, Ordering::SeqCst) + 1);
            reply(200).json(&json!({"token": name, "expires_in": seconds}).to_string())
        }
        _ => match seen.header("authorization") {
            Some(sent) if sent.starts_with("Bearer t") => manifest(),
            _ => bearer(seen, r#",service="registry.example""#),
        },
    })
}

fn value(token: &Value) -> &str {
    token["header"]["value"].as_str().unwrap_or_default()
}

#[test]
fn a_token_is_fetched_once_and_is_the_one_of_the_librarys_own_requests() {
    let server = issuing(300);
    let client = client_for(&server.host);
    let first = asked(&client, &server.host, json!({})).unwrap();
    let left = first["expires_in"].as_u64().unwrap();
    assert!((290..=300).contains(&left), "{first}");
    let end = first["expires"].as_str().unwrap();
    assert!(end.len() == 20 && end.ends_with('Z'), "{end}");
    let mut rest = first.clone();
    for key in ["expires", "expires_in"] {
        rest.as_object_mut().unwrap().remove(key);
    }
    assert_eq!(
        rest,
        json!({"registry": server.host, "repository": format!("{}/a/b", server.host), "auth": "bearer",
            "header": {"name": "Authorization", "value": "Bearer t1"}, "reason": null, "token": "t1",
            "scopes": ["repository:a/b:pull"], "granted": null, "token_server": format!("http://{}/token", server.host),
            "service": "registry.example", "username": "alice", "credentials": "host options", "cached": false})
    );
    get(&client, &server.host).unwrap();
    let again = asked(&client, &server.host, json!({})).unwrap();
    assert_eq!((value(&again), &again["cached"]), ("Bearer t1", &json!(true)));
    let pinged = server.count("GET", "/v2/") - server.count("GET", "/manifests/");
    assert_eq!((tokens(&server).len(), pinged), (1, 1));
    assert_eq!(tokens(&server)[0].header("authorization"), Some(BASIC));
    assert!(server.seen().iter().all(|seen| seen.path() != "/v2/" || seen.header("authorization").is_none()));
}

#[test]
fn what_it_is_for_is_asked_for_in_one_token() {
    let server = issuing(300);
    let client = client_for(&server.host);
    let with = json!({"actions": "pull,push", "scope": ["repository:base/image:pull", "repository:other:pull"]});
    let token = asked(&client, &server.host, with).unwrap();
    let wanted = ["repository:a/b:pull,push", "repository:base/image:pull", "repository:other:pull"];
    assert_eq!(token["scopes"], json!(wanted));
    assert_eq!(tokens(&server).iter().flat_map(scopes).collect::<Vec<_>>(), wanted);
    // It is good for less as well.
    assert_eq!(value(&asked(&client, &server.host, json!({"actions": ["pull"]})).unwrap()), "Bearer t1");
    assert_eq!(value(&asked(&client, &server.host, json!({"actions": ["pull", "delete"]})).unwrap()), "Bearer t2");
    for (with, part) in [
        (json!({"actions": ""}), "actions"),
        (json!({"actions": "pull, push"}), "' push'"),
        (json!({"actions": "pull repository:x:push"}), "actions"),
        (json!({"scope": "repository:x:"}), "scope"),
    ] {
        fails(asked(&client, &server.host, with), Code::InvalidArgument, part);
    }
    assert_eq!(tokens(&server).len(), 2);
}

#[test]
fn a_fresh_one_and_one_that_lasts_are_fetched() {
    let server = issuing(100);
    let client = client_for(&server.host);
    let name = |with| value(&asked(&client, &server.host, with).unwrap()).to_owned();
    assert_eq!(name(json!({})), "Bearer t1");
    assert_eq!(name(json!({"fresh": true})), "Bearer t2");
    // The first one is still good, and was not refused.
    assert_eq!(name(json!({"min_validity_ms": 60_000})), "Bearer t1");
    assert_eq!(name(json!({"min_validity_ms": 600_000})), "Bearer t3");
    assert_eq!(name(json!({"min_validity_ms": u64::MAX})), "Bearer t4");
}

#[test]
fn only_the_refused_token_is_dropped() {
    let server = issuing(300);
    let client = client_for(&server.host);
    let token = |with| asked(&client, &server.host, with).unwrap();
    token(json!({}));
    token(json!({"actions": "pull,delete"}));
    // What the library never gave takes nothing away.
    for wrong in ["Bearer of-somebody-else", "", "Bearer ", "t", "Basic t1x"] {
        assert_eq!(value(&token(json!({"refused": wrong}))), "Bearer t1", "{wrong}");
    }
    assert_eq!(value(&token(json!({"refused": "Bearer t1"}))), "Bearer t2");
    let again = token(json!({"actions": "pull,delete", "refused": "t2"}));
    assert_eq!((value(&again), &again["cached"]), ("Bearer t3", &json!(false)));
    // A second caller was refused with the same one, and gets what replaced it.
    assert_eq!(value(&token(json!({"refused": "bearer t1"}))), "Bearer t3");
    assert_eq!(tokens(&server).len(), 3);
}

/// What is older than a token that has expired has expired too, and stays for those whose it is.
#[test]
fn an_older_token_does_not_replace_a_refused_one() {
    let server = issuing(300);
    let client = client_for(&server.host);
    let token = |with| value(&asked(&client, &server.host, with).unwrap()).to_owned();
    assert_eq!(token(json!({"actions": "pull,push"})), "Bearer t1");
    assert_eq!(token(json!({"fresh": true})), "Bearer t2");
    assert_eq!(token(json!({"refused": "Bearer t2"})), "Bearer t3");
    assert_eq!(token(json!({"actions": "push"})), "Bearer t1");
}

#[test]
fn a_loop_of_refusals_ends() {
    // Some token servers give the same token until it expires.
    let server = Server::start(|seen| match seen.path() {
        "/token" => reply(200).json(r#"{"token":"same","expires_in":300}"#),
        _ => bearer(seen, ""),
    });
    let client = client_for(&server.host);
    let refused = value(&asked(&client, &server.host, json!({})).unwrap()).to_owned();
    let error = fails(
        asked(&client, &server.host, json!({"refused": refused})),
        Code::Unauthenticated,
        "gives the same token again",
    );
    assert!(!format!("{error:?}").contains("Bearer same"));

    let basic = Server::start(|_| reply(401).header("WWW-Authenticate", "Basic realm=x"));
    let client = client_for(&basic.host);
    fails(asked(&client, &basic.host, json!({"refused": BASIC})), Code::Unauthenticated, "no other credentials");
    client.set_host(&basic.host, host_options(json!({"token": "own", "plain_http": true}))).unwrap();
    fails(asked(&client, &basic.host, json!({"refused": "Bearer own"})), Code::Unauthenticated, "no other credentials");
}

#[test]
fn a_hook_is_asked_again_for_what_was_refused() {
    let server = Server::start(|_| reply(401).header("WWW-Authenticate", "Basic realm=x"));
    let client = client();
    let (context, call) = with_context(&client);
    let passwords = Arc::new(AtomicUsize::new(0));
    let given = passwords.clone();
    context.set_credentials(Some(Arc::new(move |_, _| {
        let password = format!("p{}", given.fetch_add(1, Ordering::SeqCst));
        let secrets = json!({"username": "u", "password": password});
        serde_json::from_value::<ocireg::registry::Secrets>(secrets).unwrap().credentials()
    })));
    let token = |with| client.token(&call, &repository(&server.host), &options(with)).unwrap().header.unwrap().value;
    let first = token(json!({}));
    assert_eq!(token(json!({})), first);
    let second = token(json!({"refused": first.as_str()}));
    assert_ne!(second, first);
    // The first one is not in use any more.
    assert_eq!(token(json!({"refused": first.as_str()})), second);
    assert_eq!(passwords.load(Ordering::SeqCst), 2);
}

#[test]
fn each_way_of_authentication_has_its_header() {
    let basic = Server::start(|_| reply(401).header("WWW-Authenticate", "Basic realm=x"));
    let token = asked(&client_for(&basic.host), &basic.host, json!({})).unwrap();
    assert_eq!((token["auth"].as_str(), value(&token)), (Some("basic"), BASIC));
    assert_eq!(
        (&token["token"], &token["expires"], &token["token_server"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    let error = fails(asked(&client(), &basic.host, json!({})), Code::Unauthenticated, "a user name and a password");
    assert!(error.hint().unwrap().contains("log in"));

    // Nothing is asked for: two requests, and no credentials in them.
    let open = Server::start(|_| reply(200).json("{}"));
    let token = asked(&client_for(&open.host), &open.host, json!({})).unwrap();
    assert_eq!((&token["auth"], &token["header"]), (&json!("none"), &Value::Null));
    assert_eq!(token["reason"], format!("{} asks for no credentials", open.host));
    assert_eq!(
        open.seen().iter().map(|seen| seen.target.clone()).collect::<Vec<_>>(),
        ["/v2/", "/v2/a/b/tags/list?n=1"]
    );
    assert!(open.seen().iter().all(|seen| seen.header("authorization").is_none()));

    // Only the repositories ask.
    let behind = Server::start(|seen| match seen.path() {
        "/v2/" => reply(200).json("{}"),
        "/token" => reply(200).json(r#"{"token":"t"}"#),
        _ => bearer(seen, ""),
    });
    assert_eq!(value(&asked(&client(), &behind.host, json!({})).unwrap()), "Bearer t");

    // The caller's own token: no server is asked.
    let silent = Server::start(|_| reply(500));
    let client = client();
    client.set_host(&silent.host, host_options(json!({"token": "own", "plain_http": true}))).unwrap();
    let token = asked(&client, &silent.host, json!({})).unwrap();
    assert_eq!((value(&token), &token["expires"], silent.seen().len()), ("Bearer own", &Value::Null, 0));
}

/// Where only reading is open, a client that wants to push is not told that nothing is needed.
#[test]
fn an_open_registry_is_asked_whether_writes_are_too() {
    for guarded in [true, false] {
        let server = Server::start(move |seen| match (seen.method.as_str(), seen.path()) {
            (_, "/token") => token("good"),
            ("GET", _) => reply(200).json("{}"),
            _ if guarded => bearer(seen, ""),
            _ => reply(404),
        });
        let client = client_for(&server.host);
        assert_eq!(asked(&client, &server.host, json!({})).unwrap()["auth"], "none");
        assert_eq!(server.seen().len(), 2, "the ping and one tag");
        let token = asked(&client, &server.host, json!({"actions": ["pull,push"]})).unwrap();
        assert_eq!(token["auth"], if guarded { "bearer" } else { "none" });
        let writes: Vec<Seen> = server.seen().into_iter().filter(|seen| seen.method != "GET").collect();
        assert!(writes.len() == 1 && writes[0].method == "PATCH" && writes[0].body.is_empty());
        assert!(writes[0].path().starts_with("/v2/a/b/blobs/uploads/0000"));
        // What is known by then is what is used: the challenge, or a look at the tags and the session again.
        let more = server.seen().len();
        asked(&client, &server.host, json!({"actions": "delete"})).unwrap();
        assert_eq!(server.seen().len() - more, if guarded { 1 } else { 2 });
    }
}

#[test]
fn an_anonymous_token_is_asked_for_without_credentials() {
    let server = issuing(300);
    let token = asked(&client(), &server.host, json!({})).unwrap();
    assert_eq!((value(&token), &token["credentials"], &token["username"]), ("Bearer t1", &Value::Null, &Value::Null));
    assert!(tokens(&server).iter().all(|seen| seen.header("authorization").is_none()));
    let client = client_for(&server.host);
    client
        .set_host(
            &server.host,
            host_options(json!({"username": "alice", "password": "s3cret", "anonymous": true, "plain_http": true})),
        )
        .unwrap();
    asked(&client, &server.host, json!({})).unwrap();
    assert!(server.seen().iter().all(|seen| seen.header("authorization").is_none()));
}

#[test]
fn what_a_server_grants_is_told() {
    let server = Server::start(|seen| match seen.path() {
        "/token" => reply(200).json(r#"{"token":"t","scope":"repository:a/b:pull"}"#),
        _ => bearer(seen, ""),
    });
    let token = asked(&client_for(&server.host), &server.host, json!({"actions": "pull,push"})).unwrap();
    assert_eq!(
        (&token["scopes"], &token["granted"]),
        (&json!(["repository:a/b:pull,push"]), &json!(["repository:a/b:pull"]))
    );
}

#[test]
fn a_realm_elsewhere_gets_no_credentials_and_hostile_ones_are_refused() {
    let elsewhere = Server::start(|_| reply(200).json(r#"{"token":"t"}"#));
    let challenge = format!(r#"Bearer realm="{}",service="s""#, elsewhere.url("/token"));
    let server = Server::start(move |_| reply(401).header("WWW-Authenticate", &challenge));
    let client = client();
    let mut own = json!({"username": "alice", "password": "s3cret", "plain_http": true, "address": server.host});
    client.set_host("reg.example", host_options(own.clone())).unwrap();
    let token = asked(&client, "reg.example", json!({})).unwrap();
    assert_eq!(token["token_server"], elsewhere.url("/token"));
    assert_eq!((value(&token), &token["credentials"], &token["username"]), ("Bearer t", &Value::Null, &Value::Null));
    assert!(elsewhere.seen().iter().all(|seen| seen.header("authorization").is_none()) && elsewhere.seen().len() == 1);
    // Unless the caller trusts it.
    own["trusted_realms"] = json!([elsewhere.host]);
    client.set_host("reg.example", host_options(own)).unwrap();
    assert_eq!(asked(&client, "reg.example", json!({})).unwrap()["username"], "alice");
    assert_eq!(elsewhere.seen()[1].header("authorization"), Some(BASIC));
    for (realm, code) in [
        ("http://169.254.169.254/token", Code::Redirect),
        ("file:///etc/passwd", Code::Protocol),
        ("http://u:p@127.0.0.1/token", Code::Protocol),
        ("", Code::Protocol),
    ] {
        let server =
            Server::start(move |_| reply(401).header("WWW-Authenticate", format!(r#"Bearer realm="{realm}""#)));
        let error = asked(&client_for(&server.host), &server.host, json!({})).unwrap_err();
        assert_eq!(error.code(), code, "{realm}: {error}");
    }
}

#[test]
fn refusals_are_errors_that_say_why() {
    for (status, challenge, code) in [
        (401, "", Code::Unauthenticated),
        (401, "Negotiate", Code::Unauthenticated),
        (500, "", Code::Server),
        (429, "", Code::RateLimited),
    ] {
        let server = Server::start(move |_| reply(status).header("WWW-Authenticate", challenge));
        let client = Client::new(changed(crate::common::options(), |options| options.http.retries = 0)).unwrap();
        let error = asked(&client, &server.host, json!({})).unwrap_err();
        assert_eq!(error.code(), code, "{status} {challenge}: {error}");
    }
    let server = Server::start(|seen| match seen.path() {
        "/token" => reply(401).json(r#"{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}"#),
        _ => bearer(seen, ""),
    });
    fails(asked(&client_for(&server.host), &server.host, json!({})), Code::Unauthenticated, "token server");
}

#[test]
fn no_secret_is_logged() {
    let server = issuing(300);
    let client = client_for(&server.host);
    let (context, call) = with_context(&client);
    let events = Arc::new(Mutex::new(Vec::new()));
    let kept = events.clone();
    context.set_log(Some(Arc::new(move |event| {
        kept.lock().unwrap().push(event.to_string());
        Ok(())
    })));
    for with in [json!({}), json!({"refused": "Bearer t1"}), json!({"fresh": true})] {
        client.token(&call, &repository(&server.host), &options(with)).unwrap();
    }
    let events = events.lock().unwrap().join("\n");
    assert!(events.contains("/token") && !events.contains("YWxpY2U6czNjcmV0"), "{events}");
    for secret in ["Bearer t1", "Bearer t2", "Bearer t3", "s3cret"] {
        assert!(!events.contains(secret), "{events}");
    }
}
