//! Slow servers, and callers that do not wait.

use std::sync::Mutex;
use std::time::Duration;

use ocireg::error::Code;
use ocireg::registry::blob::ReadOptions;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::Client;

use crate::common::*;
use crate::server::*;

const IDLE: Duration = Duration::from_secs(1);

fn silent() -> Server {
    Server::start(|_| reply(200).header("Content-Length", 1).cut(0, Then::Stall))
}

/// Accepts connections and never sends anything.
fn mute() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    (listener, host)
}

#[test]
fn silence_is_a_timeout() {
    let (_listener, host) = mute();
    let client = client();
    let taken = within(IDLE * 4, || {
        fails(client.get_manifest(&call(&client), &tag(&host), &GetOptions::default()), Code::Timeout, "no answer");
    });
    assert!(taken >= IDLE * 2, "asked a second time, and no third");
}

/// A manifest, a list, a token: a request that stalls or breaks is repeated, whether its response had begun or not.
#[test]
fn a_stall_that_is_over_at_the_second_try_is_no_timeout() {
    const LIST: &str = r#"{"name":"a/b","tags":["t"]}"#;
    const TOKEN: &str = r#"{"token":"t"}"#;
    for cut in [0, 10] {
        for (then, silent) in [(Then::Stall, false), (Then::Stall, true), (Then::Close, false), (Then::Reset, true)] {
            for faulty in ["/manifests/", "/tags/", "/token"] {
                let count = Mutex::new(0);
                let server = Server::start(move |seen| {
                    let answer = match seen.path() {
                        "/token" => reply(200).json(TOKEN),
                        _ if seen.header("authorization").is_none() => {
                            return reply(401).header("WWW-Authenticate", "Bearer realm=\"/token\"")
                        }
                        path if path.contains("/tags/") => reply(200).json(LIST),
                        _ => reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST),
                    };
                    let mut count = count.lock().unwrap();
                    if !seen.path().contains(faulty) || *count > 0 {
                        return answer;
                    }
                    *count += 1;
                    if silent {
                        lost().then(then)
                    } else {
                        answer.cut(cut, then)
                    }
                });
                let client = client();
                let got = client.get_manifest(&call(&client), &tag(&server.host), &GetOptions::default());
                got.unwrap_or_else(|error| panic!("{faulty}: {error}"));
                let listed = client.tags(&call(&client), &format!("{}/a/b", server.host), &TagsOptions::default());
                assert_eq!(listed.unwrap().tags, ["t"], "{faulty}");
            }
        }
    }
}

/// A large body is received ahead of its reader: what arrived before the stall is not lost either.
#[test]
fn a_stall_in_the_middle_is_continued_once() {
    for (size, before) in [(1000, 400), (9 << 20, (8 << 20) + 1)] {
        let blob = noise(size);
        let copy = blob.clone();
        let once = Server::start(move |seen| match seen.number {
            0 => reply(200).body(&copy).cut(before, Then::Stall),
            _ => serve(&copy, seen),
        });
        let client = client();
        let (_, bytes) =
            client.get_blob(&call(&client), &at(&once.host, &digest(&blob)), &ReadOptions::default()).unwrap();
        assert!(bytes == blob);
        assert_eq!(once.seen()[1].range_start(), Some(before));
    }
    let (blob, client) = (noise(1000), client());
    let always = Server::start(move |seen| serve(&blob, seen).cut(10, Then::Stall));
    within(IDLE * 4, || {
        let reference = at(&always.host, &digest(b"x"));
        fails(client.get_blob(&call(&client), &reference, &ReadOptions::default()), Code::Timeout, "no byte");
    });
}

/// The idle limit is about silence. The minimum speed is a separate option, and a short idle limit does not imply one.
#[test]
fn a_slow_server_is_not_a_silent_one() {
    let blob = b"fourteen bytes";
    let server = Server::start(|seen| serve(b"fourteen bytes", seen).paced(Duration::from_millis(200)));
    let reference = at(&server.host, &digest(blob));
    for min_speed in [None, Some(0), Some(3)] {
        let client = Client::new(changed(options(), |options| options.http.min_speed = min_speed)).unwrap();
        let (_, bytes) = client.get_blob(&call(&client), &reference, &ReadOptions::default()).unwrap();
        assert_eq!(bytes, blob, "{min_speed:?}");
    }
    let client = Client::new(changed(options(), |options| {
        options.http.min_speed = Some(20);
        options.http.retries = 0;
    }))
    .unwrap();
    let outcome = client.get_blob(&call(&client), &reference, &ReadOptions::default());
    let error = fails(outcome, Code::Timeout, "fewer than 20 bytes a second over 1 s");
    assert!(error.to_json()["hint"].as_str().unwrap().contains("min_speed"));
}

#[test]
fn a_call_can_be_left_at_any_moment() {
    let (_listener, mute_host) = mute();
    let stalls = silent();
    let retries = Server::start(|_| reply(503).header("Retry-After", 20));
    let token = Server::start(|seen| match seen.path() {
        "/token" => reply(200).cut(0, Then::Stall).header("Content-Length", 9),
        _ => reply(401).header("WWW-Authenticate", "Bearer realm=\"/token\""),
    });
    for host in [&mute_host, &stalls.host, &retries.host, &token.host] {
        let client = client();
        let (context, call) = with_context(&client);
        let remote = context.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            remote.cancel();
        });
        within(Duration::from_millis(500), || {
            fails(client.get_manifest(&call, &tag(host), &GetOptions::default()), Code::Cancelled, "");
        });
        within(Duration::from_millis(100), || {
            fails(client.get_manifest(&call, &tag(host), &GetOptions::default()), Code::Cancelled, "");
        });
    }
}

#[test]
fn close_ends_calls_without_a_context_too() {
    let (_listener, host) = mute();
    let client = client();
    let other = client.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        other.close();
    });
    within(Duration::from_millis(400), || {
        fails(client.get_manifest(&call(&client), &tag(&host), &GetOptions::default()), Code::Closed, "");
    });
    fails(client.call(None), Code::Closed, "");
}

#[test]
fn a_deadline_holds_for_the_whole_call() {
    let (_listener, host) = mute();
    let client = client();
    let (context, call) = with_context(&client);
    context.set_deadline(Some(Duration::from_millis(200)));
    within(Duration::from_millis(400), || {
        fails(client.get_manifest(&call, &tag(&host), &GetOptions::default()), Code::Timeout, "deadline");
    });
    // A wait that would exceed the deadline is not started.
    let busy = Server::start(|_| reply(503).header("Retry-After", 10));
    context.set_deadline(Some(Duration::from_secs(5)));
    within(Duration::from_secs(1), || {
        drop(client.get_manifest(&call, &tag(&busy.host), &GetOptions::default()).err().unwrap())
    });
}

#[test]
fn a_slow_but_steady_server_is_fine() {
    let blob = noise(200);
    let copy = blob.clone();
    // The body arrives in pieces after pauses shorter than the idle limit.
    let server = Server::start(move |seen| {
        std::thread::sleep(Duration::from_millis(600));
        serve(&copy, seen).cut(100, Then::Close)
    });
    let client = client();
    let (_, bytes) =
        client.get_blob(&call(&client), &at(&server.host, &digest(&blob)), &ReadOptions::default()).unwrap();
    assert_eq!(bytes, blob);
}

#[test]
fn a_token_server_that_dribbles_is_a_timeout() {
    let token = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let realm = format!("http://{}/token", token.local_addr().unwrap());
    // If it were closed before the call has ended, a new connection would be refused.
    let _open = token.try_clone().unwrap();
    std::thread::spawn(move || {
        use std::io::Write;
        let (mut connection, _) = token.accept().unwrap();
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        while connection.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let server = Server::start(move |_| reply(401).header("WWW-Authenticate", format!("Bearer realm=\"{realm}\"")));
    let client = client();
    within(IDLE * 3, || {
        fails(client.get_manifest(&call(&client), &tag(&server.host), &GetOptions::default()), Code::Timeout, "token");
    });
}
