//! Files of credentials, and what token servers and registries answer.

use std::time::{Duration, SystemTime};

use ocireg::inside;
use url::Url;

use crate::sandbox::{first_line, fit, is_fit, text};

/// An entry is found only for its own host, and nothing of the file is in an error.
pub fn auth_file(bytes: &[u8]) {
    for (host, repository) in [("registry.example:5000", "team/app"), ("docker.io", "library/busybox")] {
        match inside::credentials_of(bytes, host, repository) {
            Ok((Some(key), _)) => {
                assert!(["registry.example", "docker.io"].iter().any(|host| key.to_lowercase().contains(host)), "{key}")
            }
            Ok((None, _)) => {}
            Err(why) => assert!(why.len() < 1 << 10 && !why.contains(inside::is_obeyed), "{why:?}"),
        }
    }
}

/// A token can be a header, lasts a minute to a day, and is not in an error.
pub fn token_answer(bytes: &[u8]) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let Some((token, lasts)) = fit(inside::token_answer(bytes, now)) else { return };
    assert!(!token.is_empty() && token.len() <= 64 << 10 && token.bytes().all(|byte| byte.is_ascii_graphic()));
    let day = Duration::from_secs(24 * 60 * 60);
    assert!(lasts <= day + Duration::from_secs(5 * 60), "{lasts:?}");
}

/// Any refusal is an error that can be shown. The first line is its status and type.
pub fn refusal(bytes: &[u8]) {
    let (line, body) = first_line(bytes);
    let line = text(line);
    let (status, kind) = line.split_once(' ').unwrap_or((&line, "application/json"));
    let status = status.parse::<u16>().ok().filter(|status| (400..600).contains(status)).unwrap_or(404);
    let url = Url::parse("https://registry.example/v2/a/manifests/t?X-Amz-Signature=s3cret").unwrap();
    let error = inside::refusal(status, kind.as_bytes(), body, &url);
    is_fit(&error);
    assert_eq!(error.http_status(), Some(status));
    assert!(error.registry_errors().len() <= 100);
    assert!(text(body).contains("s3cret") || !error.to_json().to_string().contains("s3cret"), "{}", error.to_json());
}
