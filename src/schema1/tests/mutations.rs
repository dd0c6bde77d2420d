use super::*;

/// Each byte of a range changed in several ways; none must be accepted.
fn none_is_accepted(bytes: &[u8], range: std::ops::Range<usize>) {
    for at in range {
        for change in [0x01, 0x20, 0x80] {
            let mut other = bytes.to_vec();
            other[at] ^= change;
            assert!(verify(&other, &RequiredSigners::default()).is_err(), "byte {at} changed by {change} is accepted");
        }
    }
}

fn place_of(bytes: &[u8], part: &str) -> std::ops::Range<usize> {
    let at = text(bytes).find(part).unwrap();
    at..at + part.len()
}

#[test]
fn no_byte_of_the_payload_can_change() {
    for bytes in [vector!("a.json"), vector!("regclient.json"), vector!("hello-world.json"), &signed()] {
        let length = SignedManifest::new(bytes).unwrap().format.length;
        none_is_accepted(bytes, 0..length);
    }
}

#[test]
fn no_byte_of_the_signature_can_change() {
    for bytes in [vector!("a.json"), vector!("containers-image.json"), vector!("boxplay.json")] {
        for signature in SignedManifest::new(bytes).unwrap().signatures {
            for part in ["protected", "signature"] {
                none_is_accepted(bytes, place_of(bytes, text_of(&signature, part).unwrap()));
            }
            let jwk = &signature["header"]["jwk"];
            for part in ["kid", "x", "y", "crv", "kty"] {
                let whole = format!("\"{part}\": {}", jwk[part]);
                let place = place_of(bytes, &whole);
                none_is_accepted(bytes, place.start + part.len() + 5..place.end - 1);
            }
            none_is_accepted(bytes, place_of(bytes, "ES256"));
        }
    }
}

#[test]
fn no_piece_can_be_cut_off() {
    let bytes = vector!("a.json");
    for length in 0..bytes.len() {
        assert!(verify(&bytes[..length], &RequiredSigners::default()).is_err(), "{length}");
    }
}

/// Nothing may be outside the signed part (CVE-2014-8179).
#[test]
fn nothing_is_read_from_outside_the_payload() {
    let file = String::from_utf8(signed()).unwrap();
    for (from, to) in [
        (",\n   \"signatures\"", ",\n   \"fsLayers2\": [],\n   \"signatures\""),
        (",\n   \"signatures\"", ",\n   \"name\": \"evil/name\",\n   \"signatures\""),
        ("]\n}", "],\n   \"extra\": 1\n}"),
    ] {
        let at = file.rfind(from).unwrap();
        let other = format!("{}{to}{}", &file[..at], &file[at + from.len()..]);
        bad(other.as_bytes(), Code::Signature, "");
    }
}

#[test]
fn formats_that_cannot_be() {
    let payload = content();
    let length = payload.len() - 2;
    let protect = |format: Value| encode(format.to_string().as_bytes());
    let with = |protected: String| {
        let message = format!("{protected}.{}", encode(payload.as_bytes()));
        let signature = encode(&vector_key().sign(message.as_bytes()));
        let header = json!({"jwk": vector_key().public().to_jwk().unwrap(), "alg": "ES256"});
        assemble(&payload, json!([{"header": header, "signature": signature, "protected": protected}]))
    };
    good(&with(protect(json!({"formatLength": length, "formatTail": "Cn0"}))));
    for (format, part) in [
        (json!({"formatLength": -1, "formatTail": "Cn0"}), "no formatLength"),
        (json!({"formatLength": 99_999_999, "formatTail": "Cn0"}), "is beyond its"),
        (json!({"formatLength": u64::MAX, "formatTail": "Cn0"}), "is beyond its"),
        (json!({"formatLength": 1e30, "formatTail": "Cn0"}), "no formatLength"),
        (json!({"formatLength": "61", "formatTail": "Cn0"}), "no formatLength"),
        (json!({"formatTail": "Cn0"}), "no formatLength"),
        (json!({"formatLength": length}), "no formatTail"),
        (json!({"formatLength": length, "formatTail": "!"}), "not base64url"),
        (json!({"formatLength": length - 1, "formatTail": "Cn0"}), "not valid JSON"),
        (json!({"formatLength": 0, "formatTail": ""}), "not valid JSON"),
        (json!({"formatLength": 0, "formatTail": encode(b"{}")}), "something other"),
        (json!([]), "not a JSON object"),
    ] {
        bad(&with(protect(format)), Code::Signature, part);
    }
    bad(&with(encode(b"{")), Code::Signature, "not valid JSON");
    bad(&with("!".to_owned()), Code::Signature, "not base64url");
    let twice = format!(r#"{{"formatLength":1,"formatLength":{length},"formatTail":"Cn0"}}"#);
    bad(&with(encode(twice.as_bytes())), Code::Signature, "twice");
}

/// A signature whose tail is the whole payload is valid, but no second one can be added to it.
#[test]
fn a_payload_that_is_all_tail() {
    let payload = content();
    let format = json!({"formatLength": 0, "formatTail": encode(payload.as_bytes())}).to_string();
    let protected = encode(format.as_bytes());
    let signature = encode(&vector_key().sign(format!("{protected}.{}", encode(payload.as_bytes())).as_bytes()));
    let header = json!({"jwk": vector_key().public().to_jwk().unwrap(), "alg": "ES256"});
    let file = assemble(&payload, json!([{"header": header, "signature": signature, "protected": protected}]));
    assert_eq!(good(&file).payload, payload.as_bytes());
    let time = parse_time(TIME).unwrap();
    refused(sign(&file, &PrivateKey::generate().unwrap(), None, time), Code::Signature, "not valid JSON");
}

#[test]
fn all_signatures_must_agree_and_be_good() {
    let document: Value = serde_json::from_slice(&signed()).unwrap();
    let good_one = document["signatures"][0].clone();
    let mut other = good_one.clone();
    other["protected"] = encode(br#"{"formatLength":1,"formatTail":"Cn0"}"#).into();
    let payload = content();
    bad(&assemble(&payload, json!([good_one, other])), Code::Signature, "different payloads");
    let mut forged = good_one.clone();
    forged["signature"] = encode(&[1; 64]).into();
    bad(&assemble(&payload, json!([good_one, forged])), Code::Signature, "does not verify");
    good(&assemble(&payload, json!([good_one, good_one])));
    bad(&assemble(&payload, json!([])), Code::Signature, "0 signatures");
    bad(&assemble(&payload, json!(vec![good_one.clone(); 65])), Code::Signature, "65 signatures");
    for wrong in [json!(1), json!({}), json!({"header": {}}), json!({"protected": good_one["protected"]})] {
        bad(&assemble(&payload, json!([wrong])), Code::Signature, "");
    }
}

#[test]
fn the_base64_of_libtrust() {
    let spread = |text: &str| text.chars().map(|c| format!("{c} \n")).collect::<String>();
    assert_eq!(decode(&spread("Cn0")).unwrap(), b"\n}");
    assert_eq!(decode("Cn0=").unwrap(), b"\n}");
    assert_eq!(decode("").unwrap(), b"");
    for wrong in ["C", "Cn0==", "Cn+/", "Cn0.", "Cn1", "=", "Cn0\t"] {
        refused(decode(wrong), Code::Signature, "not base64url");
    }
}

/// Each covers the whole manifest, which would take too long.
#[test]
fn many_signatures_are_over_few_bytes() {
    let signed = |count: usize| json!({"pad": "x".repeat(8 << 20), "signatures": vec![json!({}); count]}).to_string();
    let why = |count| payload(signed(count).as_bytes()).unwrap_err().message().to_owned();
    assert!(why(9).contains("9 signatures over"), "{}", why(9));
    assert!(!why(7).contains("over"), "{}", why(7));
}
