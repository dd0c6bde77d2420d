//! Which endpoints may be asked for what, in which order, and what is said when none answers.

use std::time::Duration;

use ocireg::error::Code;
use ocireg::reference::Reference;
use ocireg::registry::blob::ReadOptions;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::referrers::ReferrersOptions;
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::Client;
use serde_json::json;

use super::house::Manner::*;
use super::house::*;
use crate::common::*;
use crate::server::*;

#[test]
fn one_for_digests_is_not_asked_for_tags() {
    let house = House::new(&[("m1", Healthy), ("m2", Healthy), ("origin", Healthy)]);
    let mirrors = json!([{"endpoint": house.host("m1"), "by_digest_only": true}, house.host("m2")]);
    let client = house.client_with(json!({"mirrors": mirrors}));
    let call = house.call(&client);
    client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
    assert_eq!(house.asked(), ["m2"]);
    client.tags(&call, &house.repository().full_name(), &TagsOptions::default()).unwrap();
    assert_eq!(house.asked(), ["m2"]);
    client.get_manifest(&call, &house.at(&digest(manifest().as_bytes())), &GetOptions::default()).unwrap();
    assert_eq!(house.asked(), ["m1"]);
    client.get_blob(&call, &house.at(&digest(&layer())), &ReadOptions::default()).unwrap();
    assert_eq!(house.asked(), ["m1"]);
    // Nothing checks which referrers are listed, so that an endpoint that may not be asked for tags could hide a signature.
    let subject = house.at(&digest(manifest().as_bytes()));
    client.referrers(&call, &subject, &ReferrersOptions::default()).unwrap();
    assert_eq!(house.asked(), ["m2"]);
    // Only for digests, and there is no other.
    let alone = json!({"mirrors": [{"endpoint": house.host("m1"), "by_digest_only": true}], "mirrors_only": true});
    let client = house.client_with(alone);
    let call = house.call(&client);
    let error = fails(client.get_manifest(&call, &house.tagged(), &GetOptions::default()), Code::Forbidden, "tags");
    assert!(error.message().contains("the option mirrors"), "{error}");
    assert!(house.asked().is_empty());
}

#[test]
fn those_that_say_they_have_referrers_are_asked_for_them_first() {
    let asked = |house: &House, of_m1: &str, of_m2: &str, of_server: &str| {
        let folder = tempfile::tempdir().unwrap();
        let (m1, m2, origin) = (house.host("m1"), house.host("m2"), house.host("origin"));
        let text = format!(
            "server = \"http://{origin}\"\n{of_server}\n[host.\"http://{m1}\"]\n{of_m1}\n[host.\"http://{m2}\"]\n{of_m2}\n"
        );
        std::fs::create_dir(folder.path().join("_default")).unwrap();
        std::fs::write(folder.path().join("_default/hosts.toml"), text).unwrap();
        let path = folder.path().to_string_lossy().into_owned();
        let client =
            Client::new(changed(options(), |options| options.machine.containerd_certs_dir.0 = vec![path])).unwrap();
        let subject = house.at(&digest(manifest().as_bytes()));
        client.referrers(&house.call(&client), &subject, &ReferrersOptions::default()).unwrap();
        house.asked()
    };
    let (reads, referrers) = ("capabilities = [\"pull\", \"resolve\"]", "capabilities = [\"referrers\"]");
    let house = House::new(&[("m1", Healthy), ("m2", Healthy), ("origin", Healthy)]);
    assert_eq!(asked(&house, reads, referrers, reads), ["m2"]);
    assert_eq!(asked(&house, reads, reads, ""), ["origin"]);
    // Files of before the capability name it nowhere.
    assert_eq!(asked(&house, "capabilities = [\"pull\"]", reads, reads), ["m2"]);
    // What is down hides nothing that the others have.
    let house = House::new(&[("m1", Healthy), ("m2", Status(500)), ("origin", Status(500))]);
    assert_eq!(asked(&house, reads, referrers, reads), ["m2", "m1"]);
    assert_eq!(asked(&house, reads, reads, ""), ["origin", "m1"]);
}

#[test]
fn what_failed_comes_last_but_it_comes() {
    let house = House::new(&[("m1", Status(500)), ("m2", Healthy), ("origin", Status(500))]);
    let client = house.client(&["m1", "m2"]);
    let call = house.call(&client);
    client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
    assert_eq!(house.asked(), ["m1", "m2"]);
    // Of a blob that no endpoint has the second says so, the registry fails, and the first is asked again.
    let missing = house.at(&digest(b"missing"));
    let error = client.get_blob(&call, &missing, &ReadOptions::default()).unwrap_err();
    assert_eq!(house.asked(), ["m2", "origin", "m1"]);
    // What the registry itself says counts.
    assert_eq!((error.code(), error.url().is_some_and(|url| url.contains(house.host("origin")))), (Code::Server, true));
    let hint = error.hint().unwrap();
    assert!(
        hint.contains(house.host("m1")) && hint.contains(house.host("m2")) && hint.contains("status 404"),
        "{hint}"
    );
}

#[test]
fn the_registrys_own_not_found_is_final() {
    let house = House::new(&[("m1", Down), ("origin", Healthy)]);
    let client = house.client(&["m1"]);
    let call = house.call(&client);
    let missing = house.at(&digest(b"missing"));
    let error = fails(client.get_manifest(&call, &missing, &GetOptions::default()), Code::NotFound, "");
    assert!(error.hint().unwrap().contains(house.host("m1")), "{error:?}");
    assert_eq!(house.asked(), ["m1", "origin"]);
    fails(client.get_manifest(&call, &missing, &GetOptions::default()), Code::NotFound, "");
    assert_eq!(house.asked(), ["origin", "m1"], "it may be back, and have more");
    assert!(!client.head_blob(&call, &missing).unwrap().exists);
}

/// A cache may still have what the registry has deleted. That it failed once a moment ago does not hide it.
#[test]
fn after_the_registrys_not_found_those_that_failed_are_asked() {
    let is_well = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut house = House::new(&[("m3", Status(404)), ("origin", Status(404))]);
    let well = is_well.clone();
    house
        .add("m1", move |seen| if well.load(std::sync::atomic::Ordering::SeqCst) { healthy(seen) } else { reply(500) });
    house.add("m2", |_| reply(500));
    let client = house.client(&["m1", "m2", "m3"]);
    let call = house.call(&client);
    fails(client.get_manifest(&call, &house.tagged(), &GetOptions::default()), Code::NotFound, "");
    assert_eq!(house.asked(), ["m1", "m2", "m3", "origin"]);
    // The one that is well again is asked after the registry, and then before it.
    is_well.store(true, std::sync::atomic::Ordering::SeqCst);
    let found = client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
    assert_eq!(
        (found.served_by.as_deref(), house.asked().join(" ")),
        (Some(house.host("m1")), "m3 origin m1".to_owned())
    );
    client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
    assert_eq!(house.asked(), ["m1"]);
    // What no endpoint has is not found at the registry, even if others fail.
    let missing = house.at(&digest(b"missing"));
    let error = fails(client.get_manifest(&call, &missing, &GetOptions::default()), Code::NotFound, "");
    assert!(error.url().is_some_and(|url| url.contains(house.host("origin"))), "{error:?}");
    assert_eq!(house.asked(), ["m1", "m3", "origin", "m2"]);
}

/// 401 and 403 are about a repository, 404 is about what was asked for, the rest is about the mirror.
#[test]
fn a_refusal_is_of_one_repository() {
    for (status, repository, host) in [(403, true, false), (401, true, false), (404, false, false), (500, true, true)] {
        let mut house = House::new(&[("origin", Healthy)]);
        house.add("m1", move |_| reply(status));
        let client = house.client(&["m1"]);
        let call = house.call(&client);
        let get = |reference: &str| {
            client.get_manifest(
                &call,
                &Reference::parse(&format!("{}/{reference}", house.host("origin")), None).unwrap(),
                &GetOptions::default(),
            )
        };
        get("a/b:t").unwrap();
        house.asked();
        get("a/b:t").unwrap();
        assert_eq!(house.asked() == ["origin"], repository, "{status}");
        get("c/d:t").unwrap();
        assert_eq!(house.asked() == ["origin"], host, "{status}");
    }
}

#[test]
fn a_busy_mirror_says_for_how_long() {
    let house = House::new(&[("m1", Busy(429, 120)), ("origin", Healthy)]);
    let client = house.client(&["m1"]);
    let call = house.call(&client);
    client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
    assert_eq!(house.requests(), ["m1", "origin"]);
    assert_eq!(house.events("passed_over")[0]["seconds"], 120);
    let shown = client.explain(&call, &house.tagged()).unwrap();
    let left = shown["endpoints"][0]["passed_over_seconds"].as_u64().unwrap();
    assert!((100..=120).contains(&left), "{shown:#}");
    assert!(shown["endpoints"][0]["passed_over_reason"].as_str().unwrap().contains("429"), "{shown:#}");
}

/// A mirror may know a manifest and not its referrers: nothing from it hides those of the registry.
#[test]
fn an_empty_list_of_a_mirror_is_not_believed() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", |seen| match seen.path().contains("/referrers/") {
        true => reply(200).header("Content-Type", INDEX_TYPE).body(r#"{"schemaVersion":2,"manifests":[]}"#),
        false if seen.path().ends_with("/tags/list") => reply(200).json(r#"{"name":"a/b","tags":[]}"#),
        false => healthy(seen),
    });
    let client = house.client(&["m1"]);
    let call = house.call(&client);
    let subject = house.at(&digest(manifest().as_bytes()));
    let found = client.referrers(&call, &subject, &ReferrersOptions::default()).unwrap();
    assert_eq!((found.referrers.len(), house.asked()), (1, vec!["m1".to_owned(), "origin".to_owned()]));
    let tags = client.tags(&call, &house.repository().full_name(), &TagsOptions::default()).unwrap();
    assert_eq!((tags.tags.len(), house.asked()), (1, vec!["m1".to_owned(), "origin".to_owned()]));
}

/// What a list is called is the caller's name, and not that of a mirror.
#[test]
fn a_list_of_tags_has_the_callers_name() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", |_| reply(200).json(r#"{"name":"proxy/a/b","tags":["t"],"served_by":"x"}"#));
    let client = house.client_with(json!({"mirrors": [format!("{}/proxy", house.host("m1"))]}));
    let call = house.call(&client);
    let tags = client.tags(&call, &house.repository().full_name(), &TagsOptions::default()).unwrap();
    assert_eq!((tags.name.as_str(), tags.served_by.as_deref()), ("a/b", Some(house.host("m1"))));
    assert_eq!(serde_json::to_value(&tags).unwrap()["served_by"], house.host("m1"));
    // The registry itself may call it otherwise.
    let client = crate::common::client();
    let tags = client.tags(&house.call(&client), &repository(house.host("m1")).full_name(), &TagsOptions::default());
    assert_eq!(tags.unwrap().name, "proxy/a/b");
}

/// A list goes on where it began, although another mirror would be asked first by now.
#[test]
fn a_page_is_followed_by_that_of_the_same_endpoint() {
    let mut house = House::new(&[("m1", Status(500)), ("origin", Healthy)]);
    let pages = |seen: &Seen| match seen.target.contains("last=") {
        false => reply(200)
            .header("Link", format!("<{}?last=b&n=2>; rel=\"next\"", seen.path()))
            .json(r#"{"name":"a/b","tags":["a","b"]}"#),
        true => reply(200).json(r#"{"name":"a/b","tags":["c"]}"#),
    };
    house.add("m2", pages);
    let client = house.client(&["m1", "m2"]);
    let call = house.call(&client);
    let options = TagsOptions { n: Some(2), ..TagsOptions::default() };
    let name = house.repository().full_name();
    let first = client.tags(&call, &name, &options).unwrap();
    assert_eq!(house.asked(), ["m1", "m2"]);
    let next = TagsOptions { n: Some(2), next: first.next, ..TagsOptions::default() };
    assert_eq!(client.tags(&call, &name, &next).unwrap().tags.iter().collect::<Vec<_>>(), ["c"]);
    assert_eq!(house.asked(), ["m2"]);
}

#[test]
fn one_endpoint_under_two_names_is_asked_once() {
    let house = House::new(&[("m1", Status(404)), ("origin", Status(404))]);
    let again = format!("http://{}", house.host("m1"));
    let client = house.client_with(json!({"mirrors": [house.host("m1"), again, house.host("origin")]}));
    let call = house.call(&client);
    fails(client.get_manifest(&call, &house.tagged(), &GetOptions::default()), Code::NotFound, "");
    assert_eq!(house.server("m1").count("GET", "/manifests/t"), 1);
    assert_eq!(house.server("origin").count("GET", "/manifests/t"), 1);
}

/// Within a company's network, or among containers, hosts have names of one word.
#[test]
fn a_mirror_may_have_a_name_of_one_word() {
    let house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    let client = house.client_with(json!({"mirrors": ["cache"]}));
    client.set_host("cache", host_options(json!({"address": house.host("m1")}))).unwrap();
    let found = client.get_manifest(&house.call(&client), &house.tagged(), &GetOptions::default()).unwrap();
    assert_eq!((found.served_by.as_deref(), house.server("m1").seen().len()), (Some("cache"), 1));
    assert!(house.server("origin").seen().is_empty());
}

#[test]
fn prefixes_and_namespaces_are_in_the_urls_and_the_scopes() {
    let house = House::new(&[("m1", Asks), ("origin", Healthy)]);
    let mirror = json!({"endpoint": format!("{}/proxy/hub", house.host("m1")), "namespace": true});
    let client = house.client_with(json!({"mirrors": [mirror]}));
    let call = house.call(&client);
    client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
    let seen = house.server("m1").seen();
    assert_eq!(
        seen[0].target,
        format!("/v2/proxy/hub/a/b/manifests/t?ns={}", house.host("origin").replace(':', "%3A"))
    );
    let token = seen.iter().find(|seen| seen.path() == "/token").unwrap();
    assert!(token.target.contains("repository%3Aproxy%2Fhub%2Fa%2Fb%3Apull"), "{}", token.target);
    assert!(house.server("origin").seen().is_empty());
}

#[test]
fn what_would_be_asked_is_explained_without_secrets() {
    let house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    let client = house.client_with(
        json!({"mirrors": [{"endpoint": format!("https://{}/p", house.host("m1")), "by_digest_only": true}],
        "username": "origin", "password": "s3cret", "headers": ["X-Key: s3cret"]}),
    );
    let own = json!({"username": "mirror", "password": "s3cret", "headers": ["X-Other: s3cret"], "plain_http": true});
    client.set_host(house.host("m1"), host_options(own)).unwrap();
    let shown = client.explain(&house.call(&client), &house.tagged()).unwrap();
    let (mirror, origin) = (&shown["endpoints"][0], &shown["endpoints"][1]);
    assert_eq!(mirror["url"], format!("http://{}/", house.host("m1")));
    assert_eq!((&mirror["repository"], &mirror["asked_for"]), (&json!("p/a/b"), &json!(["digest"])));
    assert_eq!((&mirror["credentials"]["username"], &mirror["headers"]), (&json!("mirror"), &json!(["x-other"])));
    assert_eq!((&origin["credentials"]["username"], &origin["headers"]), (&json!("origin"), &json!(["x-key"])));
    assert_eq!(
        (&mirror["source"], &origin["asked_for"]),
        (&json!("the option mirrors"), &json!(["digest", "tag", "referrers", "push"]))
    );
    assert!(!shown.to_string().contains("s3cret"));
    assert!(house.server("m1").seen().is_empty() && house.server("origin").seen().is_empty());
}

/// To connect to a mirror takes less than to the registry: nothing answers this hello.
#[test]
fn a_mirror_has_a_limit_of_its_own_for_connecting() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let house = House::new(&[("origin", Healthy)]);
    let mirror = format!("https://{}", silent.local_addr().unwrap());
    for (limit, least, most) in [(10_000, 4500, 8000), (300, 250, 3000)] {
        let client = Client::new(changed(options(), |options| {
            options.http.connect_timeout_ms = limit;
            options.http.idle_timeout_ms = 20_000;
        }))
        .unwrap();
        client.set_host(house.host("origin"), host_options(json!({"mirrors": [mirror]}))).unwrap();
        let taken = within(Duration::from_millis(most), || {
            client.get_manifest(&house.call(&client), &house.tagged(), &GetOptions::default()).unwrap();
        });
        assert!(taken >= Duration::from_millis(least), "{taken:?}");
        let shown = client.explain(&house.call(&client), &house.tagged()).unwrap();
        assert_ne!(shown["endpoints"][0]["passed_over_seconds"], 0);
    }
}

/// It has less of a blob than the caller asks for.
#[test]
fn a_short_answer_to_a_piece_is_passed_over() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", |seen| if seen.path().contains("/blobs/") { reply(200).body("short") } else { healthy(seen) });
    house.add("m2", |_| reply(200).body("without a length").unframed());
    for mirror in ["m1", "m2"] {
        let client = house.client(&[mirror]);
        let blob = house.at(&digest(&layer()));
        let piece = ReadOptions { offset: 1000, length: Some(100), ..ReadOptions::default() };
        assert_eq!(client.get_blob(&house.call(&client), &blob, &piece).unwrap().1, &layer()[1000..1100]);
        assert_eq!(house.asked(), [mirror, "origin"]);
    }
}

/// Where the registry really is counts as the registry.
#[test]
fn nothing_leads_to_where_the_registry_really_is() {
    let mut house = House::new(&[("origin", Healthy)]);
    let to = house.server("origin").url("");
    house.add("leads", move |seen| reply(307).header("Location", format!("{to}{}", seen.target)));
    let client = client();
    let endpoint = format!("http://{}", house.host("origin"));
    let own = json!({"endpoint": endpoint, "mirrors": [house.host("leads")], "mirrors_only": true});
    client.set_host("registry.test", host_options(own)).unwrap();
    let reference = tag("registry.test");
    assert!(client.get_manifest(&house.call(&client), &reference, &GetOptions::default()).is_err());
    assert!(!house.server("leads").seen().is_empty() && house.server("origin").seen().is_empty());
}

/// A list goes on where it began, which then has the patience that a registry gets.
#[test]
fn the_next_page_is_waited_for() {
    let mut house = House::new(&[("origin", Healthy)]);
    let failed = std::sync::atomic::AtomicUsize::new(0);
    house.add("m1", move |seen| match seen.target.contains("last=") {
        true if failed.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 2 => reply(503),
        true => reply(200).json(r#"{"name":"a/b","tags":["u"]}"#),
        false => reply(200)
            .header("Link", "</v2/a/b/tags/list?n=1&last=t>; rel=\"next\"")
            .json(r#"{"name":"a/b","tags":["t"]}"#),
    });
    let client = house.client(&["m1"]);
    let (call, name) = (house.call(&client), house.repository().full_name());
    let page = client.tags(&call, &name, &TagsOptions { n: Some(1), ..TagsOptions::default() }).unwrap();
    let rest = TagsOptions { n: Some(1), next: page.next, ..TagsOptions::default() };
    assert_eq!(client.tags(&call, &name, &rest).unwrap().tags.iter().collect::<Vec<_>>(), ["u"]);
    assert_eq!(house.asked(), ["m1"]);
}
