//! Signed schema-1 manifests on a registry that still accepts them: it checks the library's signature with libtrust,
//! and signs what it serves with its own key.

use std::time::{SystemTime, UNIX_EPOCH};

use ocireg::schema1::jws::{verify, RequiredSigners};
use ocireg::schema1::private::PrivateKey;
use ocireg::schema1::sign::sign;
use serde_json::Value;

use super::*;

const TYPE: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

fn content(name: &str, tag: &str, layers: &[Digest]) -> Vec<u8> {
    let id = |number: usize| Algorithm::Sha256.digest(&[number as u8]).hex().to_owned();
    let count = layers.len();
    let history = (0..count).rev().map(|number| {
        let mut image = json!({"id": id(number), "created": "2016-01-01T00:00:00Z", "os": "linux"});
        if number > 0 {
            image["parent"] = id(number - 1).into();
        }
        json!({"v1Compatibility": image.to_string()})
    });
    let document = json!({
        "schemaVersion": 1, "name": name, "tag": tag, "architecture": "amd64",
        "fsLayers": layers.iter().rev().map(|digest| json!({"blobSum": digest})).collect::<Vec<_>>(),
        "history": history.collect::<Vec<Value>>(),
    });
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"   ");
    serde::Serialize::serialize(&document, &mut serde_json::Serializer::with_formatter(&mut out, formatter)).unwrap();
    out
}

#[test]
fn libtrust_takes_what_we_sign_and_we_take_what_it_signs() {
    let place = TestRegistry::new("OCIREG_TEST_SCHEMA1");
    let client = place.client();
    let call = client.call(None).unwrap();
    let repository = place.repository("old/image");
    let layers: Vec<Digest> = (1..3)
        .map(|number| {
            let blob = layer("file", &format!("layer {number}\n")).0;
            client.put_blob(&call, &repository, &blob, &BlobPutOptions::default()).unwrap().digest
        })
        .collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    for (tag, keys) in [("one", 1), ("two", 2)] {
        let payload = content("old/image", tag, &layers);
        let mut signed = payload.clone();
        let keys: Vec<PrivateKey> = (0..keys).map(|_| PrivateKey::generate().unwrap()).collect();
        for key in &keys {
            signed = sign(&signed, key, None, now).unwrap();
        }
        let reference = place.reference(&format!("old/image:{tag}"));
        let put = client.put_manifest(&call, &reference, &signed, &PutOptions::default()).unwrap();
        assert_eq!((&put.digest, put.media_type.as_str()), (&sha256(&payload), TYPE));

        let found = client.get_manifest(&call, &reference, &GetOptions::default()).unwrap();
        assert_eq!((&found.document.digest, found.document.media_type.as_str()), (&put.digest, TYPE));
        let theirs = verify(&found.bytes, &RequiredSigners::default()).unwrap();
        assert_eq!(theirs.payload, payload);
        assert_eq!(theirs.manifest.fs_layers, [layers[1].clone(), layers[0].clone()]);
        assert!(theirs.signatures.iter().all(|one| keys.iter().all(|key| key.public().id().unwrap() != one.key_id)));

        let pinned = place.reference(&format!("old/image@{}", put.digest));
        let again = client.get_manifest(&call, &pinned, &GetOptions::default()).unwrap();
        assert_eq!(again.signatures.len(), 1);
        let head = client.head_manifest(&call, &reference, &HeadOptions::default()).unwrap();
        assert_eq!(head.digest, put.digest);
        // A manifest that it signed can be put again with an additional signature.
        let both = sign(&found.bytes, &keys[0], None, now).unwrap();
        assert_eq!(verify(&both, &RequiredSigners::default()).unwrap().signatures.len(), 2);
        let put = client.put_manifest(&call, &reference, &both, &PutOptions::default()).unwrap();
        assert_eq!(put.digest, sha256(&payload));
    }
}

#[test]
fn what_is_signed_badly_the_registry_refuses_too() {
    let place = TestRegistry::new("OCIREG_TEST_SCHEMA1");
    let client = place.client();
    let call = client.call(None).unwrap();
    let repository = place.repository("old/bad");
    let blob =
        client.put_blob(&call, &repository, &layer("file", "bad\n").0, &BlobPutOptions::default()).unwrap().digest;
    let payload = content("old/bad", "t", &[blob]);
    let signed = sign(&payload, &PrivateKey::generate().unwrap(), None, std::time::Duration::from_secs(1)).unwrap();
    let other = String::from_utf8(signed).unwrap().replace("\"amd64\"", "\"arm64\"");
    assert_eq!(verify(other.as_bytes(), &RequiredSigners::default()).unwrap_err().code(), Code::Signature);
    let reference = place.reference("old/bad:t");
    let error = client.put_manifest(&call, &reference, other.as_bytes(), &PutOptions::default()).unwrap_err();
    assert_eq!(error.http_status(), Some(400), "{error}");
}

fn run(arguments: &[&str]) -> std::process::Output {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/ocireg");
    let program = std::env::var_os("OCIREG_TEST_COMMAND").map_or(built, PathBuf::from);
    Command::new(&program).args(arguments).output().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

fn says(arguments: &[&str]) -> Value {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_commands_make_a_key_sign_and_verify() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (key, plain, signed) = (path("key.pem"), path("plain.json"), path("signed.json"));
    let payload = content("a/b", "t", &[sha256(b"layer")]);
    std::fs::write(&plain, &payload).unwrap();
    // A file that everyone may read becomes private when it contains a key.
    std::fs::write(&key, "old").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let made = says(&["schema1", "key", "-o", &key]);
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);

    let facts = says(&["schema1", "sign", &plain, "--key", &key, "-o", &signed]);
    assert_eq!((&facts["digest"], &facts["signatures"][0]["key_id"]), (&json!(sha256(&payload)), &made["key_id"]));
    assert_eq!(says(&["schema1", "verify", &signed]), facts);
    let raw = run(&["schema1", "sign", &plain, "--key", &key]).stdout;
    assert_eq!(verify(&raw, &RequiredSigners::default()).unwrap().payload, payload);
    assert!(run(&["schema1", "key"]).stdout.starts_with(b"-----BEGIN PRIVATE KEY-----\n"));

    let failed = |arguments: &[&str], status: i32, part: &str| {
        let output = run(arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(status), 0), "{message}");
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    };
    let changed = String::from_utf8(std::fs::read(&signed).unwrap()).unwrap().replace("a/b", "a/c");
    std::fs::write(&signed, changed).unwrap();
    failed(&["schema1", "verify", &signed], Code::Signature.number(), "ocireg: SIGNATURE: ");
    failed(&["schema1", "sign", &signed, "--key", &key], Code::Signature.number(), "does not verify");
    failed(&["schema1", "sign", &plain], 64, "--key");
    failed(&["schema1", "sign", &plain, "--key", &plain], Code::InvalidArgument.number(), "PEM");
    failed(&["schema1", "verify", &path("nothing")], Code::Io.number(), "nothing");
}
