use super::*;

const KID: &str = "LJ5H:RTFE:UD2C:BWN4:MK5W:NHB4:E5M6:HH3S:HU5O:CDOL:4DYI:CWQH";

#[test]
fn a_is_made_again_to_the_byte() {
    let time = parse_time(TIME).unwrap();
    let file = sign(vector!("a-payload.json"), &vector_key(), None, time).unwrap();
    assert_eq!(text(&file), text(vector!("a.json")));
    let hex = "f4b9b8564609638e86dd9ec5407ae9598ffddd415158a83b8c3c24cfae848f84";
    assert_eq!((file.len(), Algorithm::Sha256.digest(&file).hex()), (705, hex));
}

#[test]
fn a_verifies() {
    let found = good(vector!("a.json"));
    assert_eq!(found.payload, vector!("a-payload.json"));
    let digest = "sha256:87002a684db2ac4f39e8b9e600308ac37fff20fb58c17b2faad05a2d1e7a2538";
    assert_eq!(
        found.to_json(),
        json!({
            "digest": digest, "name": "a/b", "tag": "latest", "architecture": null, "fs_layers": [], "history": [],
            "signatures": [{"key_id": KID, "key_type": "EC", "algorithm": "ES256", "x5c": false, "subject": null,
                "time": TIME, "trusted": false}],
        })
    );
    assert!(may_be_signed(vector!("a.json")) && !may_be_signed(vector!("a-payload.json")));
    assert!(is_signed(&crate::json::parse(vector!("a.json")).unwrap()));
}

#[test]
fn what_registries_signed_verifies() {
    for (bytes, payload, name, layers, kid) in [
        (
            vector!("containers-image.json"),
            "5a26403ca5f91c7f04300e397efc83960afbfe2d2b34314383a53e267a604455",
            "rhosp12/openstack-nova-api",
            6,
            "DB2X:GSG2:",
        ),
        (
            vector!("regclient.json"),
            "f3ef067962554c3352dc0c659ca563f73cc396fe0dea2a2c23a7964c6290f782",
            "library/debian",
            2,
            "",
        ),
        (
            vector!("boxplay.json"),
            "b524e5d7837da98010567886762935bf3c10ad5ac1ff5112bc43299329ca9a54",
            "joyentunsupported/boxplay",
            4,
            "TDHB:4TXA:",
        ),
        (
            vector!("hello-world.json"),
            "6d28b970d82cb05ce1aca12baddcd72b7034c7e771fdd97d0862672deb863fca",
            "hello-world-v1",
            2,
            "HZFY:LV34:",
        ),
    ] {
        let found = good(bytes);
        assert_eq!(found.digest.hex(), payload);
        assert_eq!((found.manifest.fs_layers.len(), found.manifest.history.len()), (layers, layers), "{name}");
        assert!(found.signatures[0].key_id.starts_with(kid), "{:?}", found.signatures);
        assert_eq!((found.manifest.name.as_str(), found.manifest.architecture.as_deref()), (name, Some("amd64")));
    }
}

/// With schema 2 the digest covers all bytes.
#[test]
fn the_same_image_by_schema_2() {
    let bytes = vector!("boxplay-schema2.json");
    let document = crate::manifest::Document::parse(bytes, None, Algorithm::Sha256).unwrap();
    assert_eq!(document.digest.hex(), "28a63cc341ad4ad7ba7de0af4061ca8068e425ecca4e2c4c326dd8d07442ab71");
    let mut layers: Vec<Digest> = document.layers().iter().map(|layer| layer.digest.clone()).collect();
    layers.reverse();
    assert_eq!(layers, good(vector!("boxplay.json")).manifest.fs_layers);
}

#[test]
fn d_has_a_digest_but_no_good_signature() {
    let bytes = vector!("bad-signature.json");
    let hex = "7364fea9d84ee548ab67d4c46c6006289800c98de3fbf8c0a97138dfcc23f000";
    assert_eq!(Algorithm::Sha256.digest(&payload(bytes).unwrap()).hex(), hex);
    bad(bytes, Code::Signature, "OZ45:U3IG:TDOI:PMBD:NGP2:LDIW:II2U:PSBI:MMCZ:YZUP:TUUO:XPZT does not verify");
    bad(vector!("signatures-no-list.json"), Code::Signature, "no list of signatures");
    bad(vector!("a-payload.json"), Code::Signature, "no list of signatures");
}

#[test]
fn flat_content_stays_flat() {
    let flat = r#"{"schemaVersion":1,"name":"a/b","tag":"t"}"#;
    let file = sign(flat.as_bytes(), &vector_key(), None, parse_time(TIME).unwrap()).unwrap();
    assert!(
        text(&file).starts_with(r#"{"schemaVersion":1,"name":"a/b","tag":"t","signatures":[{"header":{"jwk":{"crv""#)
    );
    assert!(!text(&file).contains('\n'));
    assert_eq!(good(&file).payload, flat.as_bytes());
    // Whitespace after the end belongs to what is signed.
    let spaced = format!("{flat}\n \n");
    let file = sign(spaced.as_bytes(), &vector_key(), None, parse_time(TIME).unwrap()).unwrap();
    assert_eq!(good(&file).payload, spaced.as_bytes());
}

#[test]
fn a_second_signature_joins_the_first() {
    let (first, second) = (signed(), PrivateKey::generate().unwrap());
    let time = parse_time("2026-01-02T03:04:05Z").unwrap();
    let both = sign(&first, &second, None, time).unwrap();
    let found = good(&both);
    assert_eq!(found.payload, content().as_bytes());
    let mut ids = vec![KID.to_owned(), second.public().id().unwrap()];
    ids.sort();
    assert_eq!(found.signatures.iter().map(|one| one.key_id.clone()).collect::<Vec<_>>(), ids);
    // The same key again: its signature is replaced, the other is kept.
    let again = sign(&both, &vector_key(), None, time).unwrap();
    let times: Vec<_> = good(&again).signatures.into_iter().map(|one| one.time.unwrap()).collect();
    assert_eq!(times, ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"]);
    // In any order the result is the same.
    let other = sign(content().as_bytes(), &second, None, time).unwrap();
    assert_eq!(text(&sign(&other, &vector_key(), None, parse_time(TIME).unwrap()).unwrap()), text(&both));
}

#[test]
fn what_cannot_be_signed() {
    let time = parse_time(TIME).unwrap();
    let attempt = |content: &str| sign(content.as_bytes(), &vector_key(), None, time);
    for content in ["", "[]", "{}", r#"{"schemaVersion":2,"name":"a"}"#, r#"{"schemaVersion":1,"name":"a",}"#] {
        refused(attempt(content), Code::InvalidManifest, "");
    }
    refused(attempt(&content().replace("\"parent\\\"", "\"paront\\\"")), Code::InvalidManifest, "not the next");
    let broken = text(&signed()).replace("\"1\"", "\"2\"");
    refused(attempt(&broken), Code::Signature, "does not verify");
    refused(sign(b"{}", &vector_key(), None, std::time::Duration::MAX), Code::InvalidManifest, "");
    let far = std::time::Duration::from_secs(u64::MAX);
    refused(sign(content().as_bytes(), &vector_key(), None, far), Code::InvalidArgument, "out of range");
}

#[test]
fn times() {
    assert_eq!(format_time(std::time::Duration::from_millis(1_428_519_179_999)).unwrap(), TIME);
    assert_eq!(parse_time(TIME).unwrap().as_secs(), 1_428_519_179);
    for wrong in ["", "now", "2015-04-08", "2015-04-08T18:52:59+01:00", "2015-13-08T18:52:59Z"] {
        refused(parse_time(wrong), Code::InvalidArgument, "is not a time");
    }
}
