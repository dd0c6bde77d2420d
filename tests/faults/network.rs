//! How a host is reached: proxies that connect or refuse to, fixed addresses, headers, and which host may see what.

use ocireg::error::Code;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::Client;
use ocireg::registry::ClientOptions;
use serde_json::{json, Value};

use crate::common::*;
use crate::proxy::{Kind, Proxy};
use crate::server::*;

fn manifest() -> Reply {
    reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST)
}

fn client_with(options: Value) -> Client {
    let mut all = json!({"plain_http": true, "idle_timeout_ms": 2000, "retries": 1});
    all.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    Client::new(serde_json::from_value::<ClientOptions>(all).unwrap()).unwrap()
}

/// A name for the server's host that only the proxies of the tests resolve.
fn named(server: &Server) -> String {
    server.host.replace("127.0.0.1", "registry.test")
}

fn get(client: &Client, host: &str) -> Result<(), ocireg::error::Error> {
    client.get_manifest(&call(client), &tag(host), &GetOptions::default()).map(drop)
}

#[test]
fn every_kind_of_proxy_leads_to_the_host() {
    let server = Server::start(|_| manifest());
    let host = named(&server);
    for (kind, scheme, asked) in
        [(Kind::Http, "http", format!("GET http://{host}/v2/")), (Kind::Socks5, "socks5h", format!("name {host}"))]
    {
        let proxy = Proxy::start(kind);
        let client = client_with(json!({"proxy": format!("{scheme}://{}", proxy.host)}));
        get(&client, &host).unwrap();
        assert!(proxy.seen().iter().any(|seen| seen.starts_with(&asked)), "{:?}", proxy.seen());
        assert!(server.seen().iter().all(|seen| seen.header("proxy-authorization").is_none()));
    }
    // A socks5 proxy receives addresses: a name that only it can resolve is unknown.
    let proxy = Proxy::start(Kind::Socks5);
    let client = client_with(json!({"proxy": format!("socks5://{}", proxy.host), "retries": 0}));
    fails(get(&client, &host), Code::Resolve, "registry.test");
    get(&client, &server.host.replace("127.0.0.1", "localhost")).unwrap();
    assert!(proxy.seen()[0].starts_with("address 127.0.0.1:"), "{:?}", proxy.seen());
}

#[test]
fn a_host_has_its_own_proxy_or_none() {
    let server = Server::start(|_| manifest());
    let host = named(&server);
    let (general, own) = (Proxy::start(Kind::Http), Proxy::start(Kind::Http));
    let client = client_with(json!({"proxy": general.host}));
    client.set_host(&host, host_options(json!({"plain_http": true, "proxy": own.host}))).unwrap();
    get(&client, &host).unwrap();
    assert_eq!((general.seen().len(), own.seen().len()), (0, 1));
    client.set_host(&server.host, host_options(json!({"plain_http": true, "proxy": "direct"}))).unwrap();
    get(&client, &server.host).unwrap();
    assert_eq!(general.seen().len(), 0);
    let except = client_with(json!({"proxy": general.host, "no_proxy": ["127.0.0.0/8", "x.example"]}));
    get(&except, &server.host).unwrap();
    assert_eq!(general.seen().len(), 0);
}

#[test]
fn a_proxys_credentials_open_it_and_are_never_shown() {
    let server = Server::start(|_| manifest());
    let host = named(&server);
    for (kind, scheme) in [(Kind::Http, "http"), (Kind::Socks5, "socks5h")] {
        let proxy = Proxy::locked(kind, "alice:s3cr@t/");
        let open = client_with(json!({"proxy": format!("{scheme}://alice:s3cr%40t%2F@{}", proxy.host)}));
        get(&open, &host).unwrap();
        for wrong in ["", "alice:wr0ng@"] {
            let client = client_with(json!({"proxy": format!("{scheme}://{wrong}{}", proxy.host)}));
            let error = fails(get(&client, &host), Code::Connect, &format!("{scheme}://{}", proxy.host));
            let json = error.to_json().to_string();
            assert!(json.contains("USER:PASSWORD") && !json.contains("wr0ng"), "{json}");
        }
    }
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn a_proxy_that_wants_other_credentials_is_not_asked_again() {
    let proxy = Proxy::locked(Kind::Http, "a:b");
    for scheme in ["http", "https"] {
        let options = json!({"proxy": proxy.host, "retries": 4, "plain_http": scheme == "http"});
        let client = client_with(options);
        let before = proxy.seen().len();
        let error = fails(get(&client, "registry.test:1"), Code::Connect, "requires credentials");
        assert_eq!((error.http_status(), proxy.seen().len() - before), (Some(407), 1), "{scheme}");
    }
}

#[test]
fn proxies_that_refuse_or_are_not_there_are_named() {
    for (kind, scheme) in [(Kind::Http, "http"), (Kind::Socks5, "socks5h")] {
        let proxy = Proxy::refusing(kind);
        let url = format!("{scheme}://{}", proxy.host);
        let client = client_with(json!({"proxy": url, "plain_http": false, "retries": 0}));
        let error = fails(get(&client, "registry.test:1"), Code::Connect, &url);
        assert!(error.message().contains("does not connect to registry.test:1"), "{error}");
    }
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for scheme in ["http", "https", "socks5", "socks5h"] {
        for plain in [true, false] {
            let url = format!("{scheme}://u:s3cret@{gone}");
            let client = client_with(json!({"proxy": url, "plain_http": plain, "retries": 0}));
            let error = fails(get(&client, "127.0.0.1:1"), Code::Connect, &format!("the proxy {scheme}://{gone}"));
            assert!(error.message().contains("cannot connect"), "{error}");
            assert!(!error.to_json().to_string().contains("s3cret"));
        }
    }
    let client = client_with(json!({"proxy": "http://no-such-host.invalid", "retries": 0}));
    fails(get(&client, "registry.test:1"), Code::Connect, "the proxy http://no-such-host.invalid");
}

#[test]
fn what_a_proxy_cannot_do_is_said() {
    for (kind, scheme) in [(Kind::Http, "http"), (Kind::Socks5, "socks5"), (Kind::Socks5, "socks5h")] {
        let proxy = Proxy::start(kind);
        let options = json!({"proxy": format!("{scheme}://{}", proxy.host), "plain_http": false});
        let error = fails(get(&client_with(options), "[::1]:1"), Code::InvalidArgument, "https to the address [::1]");
        assert!(
            error.message().contains(&proxy.host) && error.to_json()["hint"].as_str().unwrap().contains("no_proxy")
        );
        assert!(proxy.seen().is_empty());
    }
}

#[test]
fn what_a_proxy_resolves_is_checked_by_its_name() {
    let elsewhere = Server::start(|_| manifest());
    let port = elsewhere.host.rsplit_once(':').unwrap().1.to_owned();
    for target in ["localhost", "127.0.0.1", "metadata.google.internal", "[::1]"] {
        let location = format!("http://{target}:{port}/x");
        let server = Server::start(move |_| reply(307).header("Location", &location));
        let proxy = Proxy::start(Kind::Http);
        let client = client_with(json!({"proxy": proxy.host}));
        fails(get(&client, &named(&server)), Code::Redirect, "to which a server must not redirect");
        assert_eq!(proxy.seen().len(), 1, "{target}");
    }
    assert_eq!(elsewhere.seen().len(), 0);
    // A registry on a loopback address may redirect to one, with a proxy as without.
    let location = elsewhere.url("/x");
    let server = Server::start(move |_| reply(307).header("Location", &location));
    let proxy = Proxy::start(Kind::Http);
    get(&client_with(json!({"proxy": proxy.host})), &server.host).unwrap();
    assert_eq!((proxy.seen().len(), elsewhere.seen().len()), (2, 1));
}

#[test]
fn a_token_servers_request_goes_the_same_way() {
    let token = Server::start(|_| reply(200).json(r#"{"token":"t"}"#));
    let realm = format!("http://{}/token", named(&token));
    let server = Server::start(move |seen| match seen.header("authorization") {
        Some("Bearer t") => manifest(),
        _ => reply(401).header("WWW-Authenticate", format!("Bearer realm=\"{realm}\",service=\"s\"")),
    });
    for (kind, scheme) in [(Kind::Http, "http"), (Kind::Socks5, "socks5h")] {
        let proxy = Proxy::locked(kind, "u:p");
        let options = json!({"proxy": format!("{scheme}://u:p@{}", proxy.host), "headers": ["X-Team: blue"]});
        get(&client_with(options), &named(&server)).unwrap();
        assert!(proxy.seen().iter().any(|seen| seen.contains(&named(&token))), "{:?}", proxy.seen());
    }
    assert_eq!(token.seen().len(), 2);
    // It is of the registry's own domain.
    assert!(token.seen().iter().all(|seen| seen.header("x-team") == Some("blue")));
}

#[test]
fn a_fixed_address_keeps_the_hosts_name() {
    let server = Server::start(|_| manifest());
    for (host, address) in [("fixed.example:1234", server.host.as_str()), ("fixed.example", server.host.as_str())] {
        let client = client_with(json!({"proxy": "http://127.0.0.1:1"}));
        client.set_host(host, host_options(json!({"plain_http": true, "address": address}))).unwrap();
        get(&client, host).unwrap();
        assert_eq!(server.seen().last().unwrap().header("host"), Some(host));
    }
    let port = server.host.rsplit_once(':').unwrap().1;
    let host = format!("fixed.example:{port}");
    let client = client_with(json!({}));
    client.set_host(&host, host_options(json!({"plain_http": true, "address": "127.0.0.1"}))).unwrap();
    get(&client, &host).unwrap();
    let nobody = client_with(json!({"retries": 0}));
    nobody.set_host(&host, host_options(json!({"plain_http": true, "address": "127.0.0.1:1"}))).unwrap();
    fails(get(&nobody, &host), Code::Connect, "the address 127.0.0.1:1");
    let error = nobody.set_host("127.0.0.1:5000", host_options(json!({"address": "127.0.0.1"}))).unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
}

#[test]
fn extra_headers_go_to_their_host_and_nowhere_else() {
    let store = Server::start(|_| manifest());
    let location = store.url("/elsewhere");
    let home = Server::start(move |seen| match seen.path() {
        "/v2/moved" => reply(307).header("Location", &location),
        _ => reply(307).header("Location", "/v2/moved"),
    });
    let client = client_with(json!({"headers": {"X-General": "g3neral", "X-Both": "general"}}));
    let own = json!({"plain_http": true, "headers": ["X-Own: 0wn", "X-Both: own"]});
    client.set_host(&home.host, host_options(own)).unwrap();
    let (context, call) = with_context(&client);
    let events = log_of(&context);
    client.get_manifest(&call, &tag(&home.host), &GetOptions::default()).unwrap();
    let seen = home.seen();
    assert_eq!(seen.len(), 2);
    for seen in &seen {
        assert_eq!(
            (seen.header("x-general"), seen.header("x-own"), seen.header("x-both")),
            (Some("g3neral"), Some("0wn"), Some("own"))
        );
    }
    for name in ["x-general", "x-own", "x-both"] {
        assert_eq!(store.seen()[0].header(name), None, "{name}");
    }
    let events = events.lock().unwrap();
    assert!(events.contains("x-own") && !events.contains("0wn") && !events.contains("g3neral"), "{events}");
}

#[test]
fn a_socket_that_is_not_there_is_named() {
    let client = client_with(json!({"retries": 0}));
    let options = json!({"plain_http": true, "unix_socket": "/no/such/socket"});
    client.set_host("registry.test", host_options(options)).unwrap();
    fails(get(&client, "registry.test"), Code::Connect, "/no/such/socket");
}
