//! "Replace, no fallback": nothing reaches a registry of which only the mirrors are to be asked.

use ocireg::error::Code;
use ocireg::registry::blob::ReadOptions;
use ocireg::registry::manifest::{GetOptions, HeadOptions};
use ocireg::registry::referrers::ReferrersOptions;
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::Client;
use serde_json::json;

use super::configurations::with_host;
use super::house::Manner::*;
use super::house::*;
use crate::common::*;
use crate::server::*;

/// Without fallback nothing leaves for the registry, whatever a mirror names, and also no ping and no token.
#[test]
fn only_the_mirrors_are_asked() {
    let mut house = House::new(&[("m1", Status(500)), ("m2", Status(404)), ("origin", Healthy)]);
    let origin = house.server("origin").url("");
    let to = origin.clone();
    house.add("leads", move |seen| reply(307).header("Location", format!("{to}{}", seen.target)));
    let to = origin.clone();
    house.add("asks", move |_| reply(401).header("WWW-Authenticate", format!("Bearer realm=\"{to}/token\"")));
    for mirrors in [vec!["m1"], vec!["m1", "m2"], vec!["leads"], vec!["asks"], vec!["asks", "leads", "m1"]] {
        let list: Vec<&str> = mirrors.iter().map(|name| house.host(name)).collect();
        let client = with_host(&house, json!({"mirrors": list, "mirrors_only": true}));
        let call = house.call(&client);
        assert!(client.get_manifest(&call, &house.tagged(), &GetOptions::default()).is_err());
        assert!(client.head_manifest(&call, &house.tagged(), &HeadOptions::default()).is_err());
        assert!(client.get_blob(&call, &house.at(&digest(&layer())), &ReadOptions::default()).is_err());
        assert!(client.tags(&call, &house.repository().full_name(), &TagsOptions::default()).is_err());
        let subject = house.at(&digest(manifest().as_bytes()));
        assert!(client.referrers(&call, &subject, &ReferrersOptions::default()).is_err() || mirrors.contains(&"m2"));
        fails(client.put_blob(&call, &house.repository(), b"x", &Default::default()), Code::Forbidden, "written");
        fails(
            client.put_manifest(&call, &house.tagged(), MANIFEST.as_bytes(), &Default::default()),
            Code::Forbidden,
            "",
        );
        fails(client.delete_manifest(&call, &house.tagged(), &Default::default()), Code::Forbidden, "written");
        fails(client.ping(&call, house.host("origin")), Code::Forbidden, "allows only the mirrors of");
        fails(client.catalog(&call, house.host("origin"), &Default::default()), Code::Forbidden, "only the mirrors");
        assert!(house.server("origin").seen().is_empty(), "{mirrors:?}");
    }
}

/// Nobody knows whether the one that failed has it.
#[test]
fn what_one_mirror_lacks_is_not_missing_where_another_failed() {
    let house = House::new(&[
        ("down", Status(500)),
        ("closed", Status(403)),
        ("lacks", Status(404)),
        ("lacks2", Status(404)),
        ("origin", Healthy),
    ]);
    for (mirrors, code) in [
        (["down", "lacks"], Code::Server),
        (["lacks", "down"], Code::Server),
        (["closed", "lacks"], Code::Forbidden),
        (["lacks", "lacks2"], Code::NotFound),
    ] {
        let list = mirrors.map(|name| house.host(name));
        let client = with_host(&house, json!({"mirrors": list, "mirrors_only": true}));
        let (get, head) = (GetOptions::default(), HeadOptions::default());
        let error = fails(client.get_manifest(&house.call(&client), &house.tagged(), &get), code, "");
        // The other one is told too.
        let hint = error.hint().unwrap();
        assert!(hint.contains(house.host(mirrors[0])), "{mirrors:?}: {error:?}");
        // Of the one that lacks it, it is not said that it gave this answer.
        let is_of_first = code != Code::NotFound && mirrors[1] == "lacks";
        assert_eq!(hint.contains("that was asked last"), !is_of_first, "{mirrors:?}: {hint}");
        // It is remembered that one failed.
        fails(client.head_manifest(&house.call(&client), &house.tagged(), &head), code, "");
    }
}

/// Not even a connection is made to it, which would first be asked whether it speaks TLS: connections are counted, not requests.
#[test]
fn no_connection_reaches_a_registry_that_only_has_mirrors() {
    let registry = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    registry.set_nonblocking(true).unwrap();
    let (mirror, host) = (Server::start(healthy), registry.local_addr().unwrap().to_string());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("registries.conf");
    let rule = |host: &str| format!("location = \"{host}\"\ninsecure = true\n");
    let text = format!("[[registry]]\n{}blocked = true\n[[registry.mirror]]\n{}", rule(&host), rule(&mirror.host));
    std::fs::write(&file, text).unwrap();
    let all = |file: Option<String>| {
        let options = changed(options(), |options| {
            options.http.plain_http = false;
            options.machine.registries_conf = file;
        });
        Client::new(options).unwrap()
    };
    let (by_option, by_file) = (all(None), all(Some(file.to_str().unwrap().to_owned())));
    by_option.set_host(&host, host_options(json!({"mirrors": [mirror.url("")], "mirrors_only": true}))).unwrap();
    for client in [&by_option, &by_file] {
        let call = call(client);
        client.get_manifest(&call, &tag(&host), &GetOptions::default()).unwrap();
        client.get_blob(&call, &at(&host, &digest(&layer())), &ReadOptions::default()).unwrap();
        client.tags(&call, &repository(&host).full_name(), &TagsOptions::default()).unwrap();
        let missing = at(&host, &digest(b"nobody has this"));
        fails(client.get_manifest(&call, &missing, &GetOptions::default()), Code::NotFound, "");
        assert!(client.get_blob(&call, &missing, &ReadOptions::default()).is_err());
        fails(client.put_blob(&call, &repository(&host), b"x", &Default::default()), Code::Forbidden, "");
        fails(client.ping(&call, &host), Code::Forbidden, "");
        fails(client.catalog(&call, &host, &Default::default()), Code::Forbidden, "");
        assert_eq!(registry.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
    // A client that may fall back does connect.
    let falls_back = all(None);
    falls_back.set_host(&host, host_options(json!({"mirrors": [mirror.url("")]}))).unwrap();
    let missing = at(&host, &digest(b"nobody has this"));
    assert!(falls_back.get_manifest(&call(&falls_back), &missing, &GetOptions::default()).is_err());
    registry.accept().unwrap();
}
