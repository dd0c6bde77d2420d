use super::*;

#[test]
fn a_new_name_that_is_no_tag_is_told_so() {
    let reference = Reference::parse("reg.example/team/app:v1", None).unwrap();
    for (text, wanted) in [
        ("bad tag", "'bad tag' is not a tag: up to 128"),
        ("-x", "'-x' is not a tag"),
        ("", "the tag is empty"),
        ("bad:tag", "'docker.io/library/bad:tag' is not in the registry reg.example"),
    ] {
        let error = reference.renamed(text).unwrap_err();
        assert!(error.message().starts_with(wanted), "{text}: {error}");
    }
    assert_eq!(reference.renamed("v2").unwrap().to_string(), "reg.example/team/app:v2");
    assert_eq!(reference.renamed("reg.example/other:v2").unwrap().to_string(), "reg.example/other:v2");
}

#[test]
fn a_new_name_may_spell_its_registry_otherwise() {
    for (one, other, is) in [
        ("reg.example", "Reg.Example:443", true),
        ("registry-1.docker.io", "docker.io", true),
        ("[0:0:0:0:0:0:0:1]:5000", "[::1]:5000", true),
        ("127.0.0.1:5000", "[::ffff:127.0.0.1]:05000", true),
        ("reg.example:5000", "reg.example", false),
        // By an option it may be asked by http, as the first is.
        ("http://reg.example", "reg.example", true),
        ("http://reg.example:443", "reg.example", true),
        ("http://reg.example", "reg.example:443", false),
        ("http://reg.example", "https://reg.example", false),
        ("https://reg.example", "reg.example", true),
        ("reg.example:0443", "http://reg.example", false),
        ("http://reg.example", "reg.example:80", true),
        ("http://[::1]", "[::1]:80", true),
        ("reg.example:443", "reg.example:80", false),
        ("https://reg.example:80", "http://reg.example", true),
        ("reg.example", "other.example", false),
    ] {
        let (from, to) = (format!("{one}/a/b:v1"), format!("{other}/a/b:v2"));
        let (from, to) = (Reference::parse(&from, None).unwrap(), from_and(&from, &to));
        assert_eq!(to.is_ok(), is, "{one} {other}");
        if let Some(to) = to.ok().filter(|_| !one.ends_with(":80") && !other.ends_with(":80")) {
            assert_eq!(to.repository().key(), from.repository().key(), "{one} {other}");
        }
    }
}

fn from_and(from: &str, to: &str) -> Result<Reference> {
    Reference::parse(from, None).unwrap().renamed(to)
}

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn message(error: Error) -> String {
    assert_eq!(error.code(), Code::InvalidReference, "{error}");
    error.message().to_owned()
}

#[test]
fn references() {
    for (text, tag, digest, canonical, whole) in [
        ("busybox", Some("latest"), "", "docker.io/busybox:latest", "docker.io/library/busybox:latest"),
        ("docker.io/ubuntu", Some("latest"), "", "docker.io/ubuntu:latest", "docker.io/library/ubuntu:latest"),
        ("google/python", Some("latest"), "", "docker.io/google/python:latest", "docker.io/google/python:latest"),
        ("localhost:5000/blarg", Some("latest"), "", "localhost:5000/blarg:latest", "localhost:5000/blarg:latest"),
        ("https://quay.io/t/foo", Some("latest"), "", "quay.io/t/foo:latest", "quay.io/t/foo:latest"),
        ("localhost:5000/blarg:mytag", Some("mytag"), "", "localhost:5000/blarg:mytag", "localhost:5000/blarg:mytag"),
        ("http://localhost:5000/b:latest", Some("latest"), "", "localhost:5000/b:latest", "localhost:5000/b:latest"),
        ("localhost:5000/blarg@", None, DIGEST, "localhost:5000/blarg@", "localhost:5000/blarg@"),
        ("alpine@", None, DIGEST, "docker.io/alpine@", "docker.io/library/alpine@"),
        ("localhost:5000/blarg:my@", Some("my"), DIGEST, "localhost:5000/blarg:my@", "localhost:5000/blarg:my@"),
        ("google/python:3.3@", Some("3.3"), DIGEST, "docker.io/google/python:3.3@", "docker.io/google/python:3.3@"),
        // A known ambiguity: this is a name and a tag, not a host and a port.
        ("localhost:5000", Some("5000"), "", "docker.io/localhost:5000", "docker.io/library/localhost:5000"),
    ] {
        let found = Reference::parse(&format!("{text}{digest}"), None).unwrap();
        assert_eq!(found.tag(), tag, "{text}");
        assert_eq!(found.digest().map_or("", Digest::as_str), digest, "{text}");
        assert_eq!(found.canonical_ref(), format!("{canonical}{digest}"), "{text}");
        assert_eq!(found.to_string(), format!("{whole}{digest}"), "{text}");
        let again = Reference::parse(&found.to_string(), None).unwrap();
        assert_eq!(again.to_string(), found.to_string(), "{text}");
    }
}

#[test]
fn no_references() {
    let digest = DIGEST.replace('e', "E");
    let long_tag = format!("busybox:{}", "a".repeat(129));
    for (text, reason) in [
        ("", "empty"),
        ("busybox:", "the tag is empty"),
        ("busybox@", "no 'algorithm:'"),
        ("busybox@notadigest", "no 'algorithm:'"),
        ("busybox@sha256:cafebabe", "64 hexadecimal digits, not 8"),
        ("google/python:3.3@sha256:fb9f", "64 hexadecimal digits, not 4"),
        (&format!("busybox@{digest}"), "other than 0-9"),
        ("user@name/foo", "no 'algorithm:'"),
        ("busybox:BAD TAG", "not a tag"),
        ("busybox:-x", "not a tag"),
        ("busybox:.x", "not a tag"),
        (&long_tag, "not a tag"),
        ("localhost:5000/a:b/c", "invalid repository namespace"),
        ("quay.io/", "empty"),
        ("foo/", "empty"),
        ("..", "begin and end"),
        ("foo/..", "begin and end"),
        (&format!("@{DIGEST}"), "empty"),
        (":tag", "empty"),
    ] {
        let found = message(Reference::parse(text, None).unwrap_err());
        assert!(found.contains(reason), "{text}: {found}");
    }
    assert!(Reference::parse(&long_tag[..long_tag.len() - 1], None).is_ok());
    assert!(is_tag("_a.B-9") && !is_tag("é"));
}

#[test]
fn no_message_holds_a_password() {
    for text in [
        "https://user:s3cret@quay.io/foo",
        "https://s3cret@quay.io/foo",
        "https://user:s3/cret@quay.io/s3",
        "user:s3cret@quay.io/foo:tag",
        "user:s3@cret@quay.io/foo",
        "s3cret@quay.io/foo",
        "user:s3cret@quay.io",
        "ftp://user:s3cret@quay.io/foo",
    ] {
        let messages = [
            message(Index::parse(text).unwrap_err()),
            message(Repository::parse(text, None).unwrap_err()),
            message(Reference::parse(text, None).unwrap_err()),
        ];
        for found in messages {
            assert!(!found.contains("s3cret") && !found.contains("cret@"), "{text}: {found}");
        }
    }
}

#[test]
fn the_documented_json() {
    let name = format!("mongo@{DIGEST}");
    let wanted = serde_json::json!({
        "index": {"name": "docker.io", "host": "docker.io", "official": true, "scheme": null},
        "official": true,
        "remote_name": "library/mongo",
        "local_name": "mongo",
        "canonical_name": "docker.io/mongo",
        "tag": null,
        "digest": DIGEST,
        "canonical_ref": format!("docker.io/mongo@{DIGEST}"),
        "reference": format!("docker.io/library/mongo@{DIGEST}"),
        "repository": "docker.io/library/mongo",
    });
    assert_eq!(Reference::parse(&name, None).unwrap().to_json(), wanted);
}

#[test]
fn pins_and_tags() {
    let digest: Digest = DIGEST.parse().unwrap();
    let tagged = Reference::parse("quay.io/a/b:1", None).unwrap();
    assert_eq!(tagged.pinned(), "quay.io/a/b:1");
    let both = Reference::parse(&format!("quay.io/a/b:1@{DIGEST}"), None).unwrap();
    assert_eq!(both.pinned(), format!("quay.io/a/b@{DIGEST}"));
    assert_eq!(both.repository().with_digest(&digest).to_string(), format!("quay.io/a/b@{DIGEST}"));
    assert_eq!(tagged.repository().with_tag("2").unwrap().to_string(), "quay.io/a/b:2");
    assert_eq!(message(tagged.repository().with_tag("").unwrap_err()), "the tag is empty");
}
