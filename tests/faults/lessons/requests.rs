//! Servers that lead requests where they must not go.

use std::net::UdpSocket;

use ocireg::error::Code;
use ocireg::place::{self, Place};
use ocireg::transfer::copy::CopyOptions;
use serde_json::json;

use super::*;
use crate::v1::{id, repo, standalone};

/// Docker Model Runner: a registry's redirect led to the cloud's metadata.
#[test]
fn cve_2026_33990_a_redirect_is_no_way_into_a_network() {
    for target in [
        "http://169.254.169.254/latest/meta-data",
        "http://[fd00:ec2::254]/latest",
        "http://100.100.100.200/latest",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://0.0.0.0/",
        "http://2852039166/",
        "file:///etc/passwd",
    ] {
        let server = Server::start(move |_| reply(307).header("Location", target));
        let client = client();
        let error =
            client.get_blob(&call(&client), &at(&server.host, &digest(b"x")), &Default::default()).err().unwrap();
        assert!(matches!(error.code(), Code::Redirect | Code::Resolve), "{target}: {error}");
        assert_eq!(server.seen().len(), 1, "{target}");
    }
}

/// ggcr looked at addresses only where a URL had one: a name led to the same place. Needs an address of this machine that is not its
/// loopback's: a registry there may not lead to a name that is.
#[test]
fn ggcr_2440_a_name_is_judged_by_its_address() {
    let outward = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    let Some(own) = outward.ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback()) else {
        println!("skipped: this machine has no address but its loopback's");
        return;
    };
    let victim = Server::start(|_| reply(200).body("secret"));
    let port = victim.host.rsplit(':').next().unwrap().to_owned();
    let client = client();
    let stranger = std::net::TcpListener::bind((own, 0)).unwrap();
    let host = stranger.local_addr().unwrap().to_string();
    client.set_host(&host, host_options(json!({"plain_http": true}))).unwrap();
    std::thread::spawn(move || {
        for stream in stranger.incoming().flatten() {
            let mut stream = stream;
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
            let head = format!("HTTP/1.1 307 X\r\nLocation: http://localhost:{port}/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = std::io::Write::write_all(&mut stream, head.as_bytes());
        }
    });
    let outcome = client.get_blob(&call(&client), &at(&host, &digest(b"secret")), &Default::default());
    fails(outcome, Code::Redirect, "loopback");
    assert_eq!(victim.seen().len(), 0);
}

/// containers/image put digests of a manifest into URLs and paths as they were.
#[test]
fn cve_2024_3727_a_digest_is_nothing_but_a_digest() {
    for digest in [
        "sha256:../../../v2/other/manifests/x",
        "sha256:..",
        "sha256:",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "a/../../b",
    ] {
        let config = json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 2});
        let manifest =
            json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": []}).to_string();
        let server = Server::start(move |_| reply(200).header("Content-Type", MANIFEST_TYPE).body(&manifest));
        let (client, folder) = (client(), tempfile::tempdir().unwrap());
        let from = Place::parse(&format!("docker://{}/a/b:t", server.host)).unwrap();
        let to = Place::parse(&format!("oci:{}", folder.path().join("layout").display())).unwrap();
        let outcome = place::copy(&client, &call(&client), &from, &to, &CopyOptions::default());
        fails(outcome, Code::InvalidManifest, "");
        assert!(server.seen().iter().all(|seen| seen.target == "/v2/a/b/manifests/t"), "{digest}: {:?}", server.seen());
    }
}

/// docker used the IDs of v1 images as paths.
#[test]
fn cve_2014_9358_cve_2014_9356_an_id_is_no_path() {
    for wrong in ["../../etc/passwd", "/etc/passwd", "..", "a/b"] {
        let server = standalone(move |seen| match seen.path() {
            path if path.ends_with("/ancestry") => reply(200).json(&json!([id('a'), wrong]).to_string()),
            path if path.ends_with("/tags") => reply(200).json(&json!({"t": wrong}).to_string()),
            _ => reply(200).json(&json!({"id": id('a'), "parent": wrong}).to_string()),
        });
        let client = client();
        fails(repo(&client, &server.host).ancestry(&id('a')), Code::Protocol, "not an image id");
        fails(repo(&client, &server.host).tags(), Code::Protocol, "");
        let image = repo(&client, &server.host).image(&id('a'));
        assert!(image.and_then(|image| image.parent()).is_err(), "{wrong}");
        assert!(
            server.seen().iter().all(|seen| !seen.target.contains("..") && !seen.target.contains("etc")),
            "{wrong}"
        );
    }
}
