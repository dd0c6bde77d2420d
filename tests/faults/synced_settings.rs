//! How registries are reached: as a list in skopeo's form says, and never by more requests at once than they take.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use ocireg::error::Code;
use ocireg::registry::{Client, ClientOptions};
use serde_json::json;

use crate::common::*;
use crate::server::*;
use crate::synced::*;
use crate::tls::*;

#[test]
fn a_list_that_wants_certificates_verified_gets_that() {
    let (from, to) = (shelf_of(&["1"]), shelf_of(&[]));
    let certificate = Certificate::own(&format!("{AUTHORITY}\n{NAMES}"), NOW);
    let host = certificate.before(from.host());
    let client = |insecure: bool| {
        let mut all = serde_json::to_value(json!({"retries": 0})).unwrap();
        all["insecure"] = json!(insecure);
        let client = Client::new(serde_json::from_value::<ClientOptions>(all).unwrap()).unwrap();
        client.set_host(to.host(), host_options(json!({"plain_http": true}))).unwrap();
        client
    };
    let below = format!("{}/a", to.host());
    let sync = |client: &Client, settings: &str| {
        let list = format!("'{host}':\n  images: {{a/b: []}}\n{settings}");
        listed(client, &list, Some(&below), json!({"list_format": "skopeo"}))
    };
    for insecure in [true, false] {
        let client = client(insecure);
        fails(sync(&client, "  tls-verify: true\n"), Code::Tls, "");
        assert!(sync(&client, "  tls-verify: false\n").is_ok());
        assert_eq!(sync(&client, "").is_ok(), insecure);
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(certificate.file(), folder.path().join("ca.crt")).unwrap();
        let settings = format!("  tls-verify: true\n  cert-dir: {}\n", folder.path().display());
        assert_eq!(counts(&sync(&client, &settings).unwrap()), "1 0 1 0 0");
    }
}

#[test]
fn images_come_in_parallel_within_what_a_host_takes() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (inside, highest) = (now.clone(), most.clone());
    let tags: Vec<String> = (0..24).map(|number| format!("v{number}")).collect();
    let from = Server::start(move |seen| {
        highest.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        inside.fetch_sub(1, Ordering::SeqCst);
        match seen.path() {
            path if path.ends_with("/tags/list") => reply(200).json(&json!({"name": "a/b", "tags": tags}).to_string()),
            path if path.contains("/blobs/") => serve(b"{}", seen),
            _ => reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST),
        }
    });
    let client = |limit: u32| {
        let client = client();
        client
            .set_host(&from.host, host_options(json!({"plain_http": true, "max_connections_per_host": limit})))
            .unwrap();
        client
    };
    for (parallel, limit, wanted) in [(1, 16, 1..=4), (8, 16, 5..=16), (8, 2, 1..=2)] {
        most.store(0, Ordering::SeqCst);
        let options = json!({"parallel": parallel, "concurrency": 4});
        let result = synced_by(&client(limit), &format!("{}/a/b", from.host), &name(&shelf_of(&[])), options).unwrap();
        assert_eq!(counts(&result), "24 24 0 0 0");
        let most = most.load(Ordering::SeqCst);
        assert!(wanted.contains(&most), "{parallel} at once, at most {limit} requests: {most}");
    }
}
