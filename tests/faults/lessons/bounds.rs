//! Memory, disks and time that small or endless answers took.

use std::time::Duration;

use ocireg::error::Code;
use ocireg::image::extract::ExtractOptions;
use ocireg::registry::referrers::ReferrersOptions;
use ocireg::registry::CatalogOptions;
use ocireg::store::ReadStore;
use serde_json::json;

use super::*;
use crate::cleaning::Layout;
use crate::images::{file, folder, layer, pax};
use crate::memory::Memory;
use crate::packed::gzip;

/// containers/image, ggcr, containerd (CVE-2023-25153): manifests, configs and files of archives were read whatever their size.
#[test]
fn cve_2020_1702_documents_are_read_up_to_a_limit() {
    let client = client();
    for answer in [
        reply(200).header("Content-Type", MANIFEST_TYPE).header("Content-Length", 1u64 << 40).then(Then::Close),
        reply(200).header("Content-Type", MANIFEST_TYPE).body(vec![b' '; 8 << 20]).unframed(),
    ] {
        let server = Server::start(move |_| answer.clone());
        let before = peak();
        fails(get(&client, &server.host), Code::LimitExceeded, "");
        assert!(peak() - before < 64 << 20);
    }
    let here = tempfile::tempdir().unwrap();
    let path = here.path().join("saved.tar");
    std::fs::write(&path, layer(&[file("manifest.json", &" ".repeat(40 << 20))])).unwrap();
    let space = ocireg::inside::TemporarySpace::new(None, 1 << 30);
    let archive = ocireg::inside::ArchiveReader::new(&path, None, ocireg::inside::ArchiveFormat::Docker, None, space);
    fails(archive.root(&call(&client)), Code::LimitExceeded, "manifest.json");
}

/// cosign (CVE-2024-29903, CVE-2023-46737), notation (CVE-2023-33957), sigstore-go: attachments were read whole, lists without end.
#[test]
fn cve_2024_29902_lists_of_attachments_end() {
    let server = Server::start(|seen| {
        let page: u64 = seen.target.rsplit('=').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let entry = json!({"mediaType": MANIFEST_TYPE, "digest": digest(&page.to_be_bytes()), "size": 1u64 << 62,
                           "annotations": {"a": "x".repeat(1 << 20)}});
        let list = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]});
        let next = format!("</v2/a/b/referrers/{}?page={}>; rel=\"next\"", digest(b"x"), page + 1);
        let page = reply(200).header("Content-Type", INDEX_TYPE).body(list.to_string());
        // Who reads on is let go in the end.
        if seen.number > 40 {
            page
        } else {
            page.header("Link", next)
        }
    });
    let client = Client::new(changed(options(), |options| options.max_list_bytes = 2 << 20)).unwrap();
    let outcome = client.referrers(&call(&client), &at(&server.host, &digest(b"x")), &ReferrersOptions::default());
    fails(outcome.map(drop), Code::LimitExceeded, "in all");
    assert!(server.seen().len() < 20, "{}", server.seen().len());
}

/// distribution made a list of as many names as it was asked for.
#[test]
fn cve_2023_2253_a_number_takes_no_memory() {
    let server = Server::start(|_| reply(200).json(r#"{"repositories":["a"]}"#));
    let client = client();
    for n in [u64::MAX, u64::from(u32::MAX), 1 << 40] {
        let options = CatalogOptions { n: Some(n), ..CatalogOptions::default() };
        let found = client.catalog(&call(&client), &server.host, &options).unwrap();
        assert_eq!(found.repositories, ["a"]);
    }
}

/// oras-go made room for as many bytes as a descriptor of a layout said.
#[test]
fn ghsa_f36w_mj3v_6jqv_a_size_takes_no_memory() {
    for size in [u64::MAX >> 1, 1 << 62, 1 << 40] {
        let layout = Layout::new(&[]);
        let mut entry = layout.image("a");
        entry["size"] = size.into();
        layout.name(&[entry]);
        let (client, open) = (client(), layout.open());
        let error = open.root(&call(&client)).err().unwrap();
        assert!(matches!(error.code(), Code::SizeMismatch | Code::LimitExceeded | Code::InvalidManifest), "{error}");
        assert!(!layout.check().ok);
    }
}

/// docker: a small layer that becomes gigabytes.
#[test]
fn cve_2017_14992_a_bomb_is_given_up() {
    let bomb = gzip(&layer(&[file("zeros", &"\0".repeat(32 << 20))]));
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    let here = tempfile::tempdir().unwrap();
    let options = ExtractOptions { max_bytes: 1 << 20, ..ExtractOptions::default() };
    let (client, into) = (client(), here.path().join("image"));
    let outcome = ocireg::image::extract::extract(&call(&client), &Memory::new(&[bomb]), &into, &options);
    fails(outcome, Code::LimitExceeded, "unpacks");
}

/// containerd: the form of a layer decided that unpacking took more than its share of time.
#[test]
fn ghsa_rp3h_jf77_q9p4_no_form_of_a_layer_takes_long() {
    let name = |number: usize| format!("{}{number}", "d/".repeat(200));
    let deep: Vec<_> = (0..300).flat_map(|number| [pax(&[("path", &name(number))]), file("x", "")]).collect();
    let here = tempfile::tempdir().unwrap();
    within(Duration::from_secs(20), || drop(crate::images::unpack(&[layer(&deep)], &here.path().join("deep"))));
    let deepest = layer(&[pax(&[("path", &"d/".repeat(5000))]), folder("x")]);
    fails(crate::images::unpack(&[deepest], &here.path().join("deepest")), Code::LimitExceeded, "parts");
}
