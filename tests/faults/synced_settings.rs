//! How a list in skopeo's form says that registries are reached.

use ocireg::error::Code;
use ocireg::registry::{Client, ClientOptions};
use serde_json::json;

use crate::common::*;
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
