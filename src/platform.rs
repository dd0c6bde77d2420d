//! Platforms (OCI image-spec image-index.md; normalised as in containerd's platforms package).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::error::{Code, Error};
use crate::json::or_default;
use crate::text::shorten;

/// The platform that an image runs on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// The operating system: `linux`, `windows`, …
    #[serde(default, deserialize_with = "or_default")]
    pub os: String,
    /// The CPU architecture: `amd64`, `arm64`, …
    #[serde(default, deserialize_with = "or_default")]
    pub architecture: String,
    /// The variant of the architecture: `v7`, `v8`, …; None when not given.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The version of the operating system, such as a Windows build; None when not given.
    #[serde(default, rename = "os.version", deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// Features that the operating system must have.
    #[serde(default, rename = "os.features", deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub os_features: Vec<String>,
}

/// Some writers use an empty string for what they leave out.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

impl FromStr for Platform {
    type Err = Error;

    /// Parses `OS/ARCH[/VARIANT][:OS.VERSION]`.
    fn from_str(text: &str) -> Result<Platform, Error> {
        let wrong = |why: &str| {
            let message = format!("the platform '{}' {why}: it is OS/ARCH[/VARIANT][:OS.VERSION]", shorten(text));
            Error::new(Code::InvalidArgument, message)
        };
        let (rest, os_version) = match text.split_once(':') {
            Some((rest, version)) => (rest, Some(version)),
            None => (text, None),
        };
        let word = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        let parts: Vec<&str> = rest.split('/').collect();
        if !(2..=3).contains(&parts.len()) {
            return Err(wrong("does not have two or three parts"));
        }
        if !parts.iter().copied().chain(os_version).all(word) {
            return Err(wrong("has an empty part or invalid characters"));
        }
        let platform = Platform {
            os: parts[0].to_owned(),
            architecture: parts[1].to_owned(),
            variant: parts.get(2).map(|variant| (*variant).to_owned()),
            os_version: os_version.map(str::to_owned),
            os_features: Vec::new(),
        };
        Ok(platform.normal())
    }
}

impl Platform {
    /// The platform of this machine.
    pub fn host() -> Platform {
        let variant = if std::env::consts::ARCH == "arm" { Some("v7".to_owned()) } else { None };
        // Rust's names do not include the byte order.
        let architecture = match (std::env::consts::ARCH, cfg!(target_endian = "little")) {
            ("powerpc64", true) => "ppc64le",
            ("powerpc64", false) => "ppc64",
            ("mips64", true) => "mips64le",
            ("mips", true) => "mipsle",
            (other, _) => other,
        };
        let (os, architecture) = (std::env::consts::OS.to_owned(), architecture.to_owned());
        Platform { os, architecture, variant, ..Platform::default() }.normal()
    }

    /// Normalises names, and adds the variant that a name without one implies.
    pub(crate) fn normal(&self) -> Platform {
        let os = match self.os.to_ascii_lowercase().as_str() {
            "macos" => "darwin".to_owned(),
            other => other.to_owned(),
        };
        let variant = self.variant.as_deref().map(str::to_ascii_lowercase).filter(|variant| !variant.is_empty());
        let (architecture, variant) = match (self.architecture.to_ascii_lowercase().as_str(), variant.as_deref()) {
            ("x86_64" | "x86-64" | "amd64", None | Some("v1")) => ("amd64".to_owned(), None),
            ("x86_64" | "x86-64", Some(variant)) => ("amd64".to_owned(), Some(variant.to_owned())),
            ("i386" | "i486" | "i586" | "i686" | "x86", variant) => ("386".to_owned(), variant.map(str::to_owned)),
            ("aarch64" | "arm64", None | Some("8" | "v8")) => ("arm64".to_owned(), Some("v8".to_owned())),
            ("aarch64" | "arm64", Some(variant)) if variant.len() == 1 => {
                ("arm64".to_owned(), Some(format!("v{variant}")))
            }
            ("aarch64", Some(variant)) => ("arm64".to_owned(), Some(variant.to_owned())),
            ("armhf", None | Some("v7" | "7")) => ("arm".to_owned(), Some("v7".to_owned())),
            ("armel", None | Some("v6" | "6")) => ("arm".to_owned(), Some("v6".to_owned())),
            ("arm", None | Some("7")) => ("arm".to_owned(), Some("v7".to_owned())),
            ("arm", Some(variant)) if variant.len() == 1 => ("arm".to_owned(), Some(format!("v{variant}"))),
            ("loongarch64", variant) => ("loong64".to_owned(), variant.map(str::to_owned)),
            ("powerpc64le" | "ppc64el", variant) => ("ppc64le".to_owned(), variant.map(str::to_owned)),
            (other, variant) => (other.to_owned(), variant.map(str::to_owned)),
        };
        Platform {
            os,
            architecture,
            variant,
            os_version: self.os_version.clone(),
            os_features: self.os_features.clone(),
        }
    }

    /// What an image is for, whichever of its builds this is: of a Windows version the first three parts, without the revision, which
    /// is another one each month.
    pub(crate) fn purpose(&self) -> Platform {
        let mut normal = self.normal();
        if let Some(version) = normal.os_version.as_mut().filter(|_| normal.os == "windows") {
            *version = version.splitn(4, '.').take(3).collect::<Vec<_>>().join(".");
        }
        normal
    }

    /// Whether both are the same platform after normalisation.
    pub(crate) fn is_same(&self, other: &Platform) -> bool {
        self.normal() == other.normal()
    }

    /// Whether another is what this one names: the same system, architecture and variant, and of the version as much as is said here.
    pub(crate) fn names(&self, other: &Platform) -> bool {
        let (wanted, found) = (self.normal(), other.normal());
        let version = match (&wanted.os_version, &found.os_version) {
            (None, _) => true,
            (Some(wanted), Some(found)) => wanted == found || found.starts_with(&format!("{wanted}.")),
            (Some(_), None) => false,
        };
        wanted.os == found.os && wanted.architecture == found.architecture && wanted.variant == found.variant && version
    }

    /// Whether both say the same of what an image runs on, as far as both say it.
    pub(crate) fn agrees_with(&self, other: &Platform) -> bool {
        let (one, two) = (self.normal(), other.normal());
        let variants = self.variant.is_none() || other.variant.is_none() || one.variant == two.variant;
        let versions = match (&self.os_version, &other.os_version) {
            (Some(one), Some(two)) => {
                one == two || one.starts_with(&format!("{two}.")) || two.starts_with(&format!("{one}."))
            }
            _ => true,
        };
        one.os == two.os && one.architecture == two.architecture && variants && versions
    }

    /// Whether it says both of what a platform has at least.
    pub(crate) fn is_complete(&self) -> bool {
        !self.os.is_empty() && !self.architecture.is_empty()
    }

    /// Whether it marks what cannot be run, such as an attestation.
    pub(crate) fn is_unknown(&self) -> bool {
        self.os == "unknown"
    }

    /// How well a candidate matches; None when it does not. Higher is better.
    pub(crate) fn rank(&self, candidate: &Platform) -> Option<Rank> {
        let (wanted, offered) = (self.normal(), candidate.normal());
        // unknown/unknown marks entries that cannot be run, such as attestations.
        if wanted.os != offered.os || wanted.architecture != offered.architecture || offered.os == "unknown" {
            return None;
        }
        let version = match (&wanted.os_version, &offered.os_version) {
            (None, _) => 0,
            (Some(wanted), Some(offered)) if wanted == offered => 2,
            // Windows: 10.0.20348 matches any revision of that build.
            (Some(wanted), Some(offered)) if offered.starts_with(&format!("{wanted}.")) => 1,
            _ => return None,
        };
        let variant = match (&wanted.variant, &offered.variant) {
            (same, other) if same == other => (2, 0, 0),
            (Some(_), None) => (0, 0, 0),
            // An image for an older level runs on a newer one; of several, the newest wins.
            (Some(wanted), Some(offered)) => {
                let (major, minor) = level(offered).filter(|offered| Some(*offered) < level(wanted))?;
                (1, major, minor)
            }
            (None, _) => return None,
        };
        let missing = offered.os_features.iter().filter(|feature| !wanted.os_features.contains(feature)).count();
        Some((variant, version, std::cmp::Reverse(missing)))
    }

    /// The platform in an image's config; None when it names none.
    pub(crate) fn of_config(config: &Value) -> Option<Platform> {
        let text =
            |key: &str| config.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        let features = config.get("os.features").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Some(Platform {
            os: text("os")?,
            architecture: text("architecture")?,
            variant: text("variant"),
            os_version: text("os.version"),
            os_features: features.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        })
    }
}

/// The rank of a match: variant (same, older or none; its level), version, and how many features it needs beyond those
/// wanted.
pub(crate) type Rank = ((u8, u16, u16), u8, std::cmp::Reverse<usize>);

/// The level of a variant: `v8.1` is (8, 1).
fn level(variant: &str) -> Option<(u16, u16)> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let (major, minor) = variant.strip_prefix('v')?.split_once('.').unwrap_or((variant.get(1..)?, "0"));
    Some((digits(major)?, digits(minor)?))
}

impl fmt::Display for Platform {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.os, self.architecture)?;
        if let Some(variant) = &self.variant {
            write!(out, "/{variant}")?;
        }
        if let Some(version) = &self.os_version {
            write!(out, ":{version}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().unwrap()
    }

    fn pick(wanted: &str, offered: &[&str]) -> Option<String> {
        let all: Vec<Platform> = offered.iter().map(|text| platform(text)).collect();
        choose(&platform(wanted), &all).map(|at| offered[at].to_owned())
    }

    fn choose(wanted: &Platform, offered: &[Platform]) -> Option<usize> {
        let ranked =
            offered.iter().enumerate().filter_map(|(at, one)| Some((wanted.rank(one)?, std::cmp::Reverse(at))));
        ranked.max().map(|(_, at)| at.0)
    }

    #[test]
    fn names_have_one_form() {
        for (text, wanted) in [
            ("linux/x86_64", "linux/amd64"),
            ("Linux/AMD64", "linux/amd64"),
            ("linux/aarch64", "linux/arm64/v8"),
            ("linux/arm64/v8", "linux/arm64/v8"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/armhf", "linux/arm/v7"),
            ("linux/arm/6", "linux/arm/v6"),
            ("macos/arm64", "darwin/arm64/v8"),
            ("linux/i686", "linux/386"),
            ("linux/armel", "linux/arm/v6"),
            ("linux/loongarch64", "linux/loong64"),
            ("linux/x86_64/v1", "linux/amd64"),
            ("windows/amd64:10.0.20348.1", "windows/amd64:10.0.20348.1"),
        ] {
            assert_eq!(platform(text).to_string(), wanted, "{text}");
        }
        for bad in ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/am d64", "linux/amd64:"] {
            assert_eq!(bad.parse::<Platform>().unwrap_err().code(), Code::InvalidArgument, "{bad}");
        }
    }

    #[test]
    fn the_best_match_is_picked() {
        let arms = ["linux/arm/v5", "linux/arm/v6", "linux/arm/v7", "linux/arm64"];
        assert_eq!(pick("linux/arm64", &arms).as_deref(), Some("linux/arm64"));
        assert_eq!(pick("linux/arm64/v8", &arms).as_deref(), Some("linux/arm64"));
        assert_eq!(pick("linux/arm", &arms).as_deref(), Some("linux/arm/v7"));
        assert_eq!(pick("linux/arm/v7", &arms[..2]).as_deref(), Some("linux/arm/v6"));
        assert_eq!(pick("linux/arm/v5", &arms[1..]), None);
        assert_eq!(pick("linux/amd64", &arms), None);
        assert_eq!(pick("linux/amd64/v3", &["linux/amd64"]).as_deref(), Some("linux/amd64"));
        let levels = ["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"];
        assert_eq!(pick("linux/amd64/v3", &levels).as_deref(), Some("linux/amd64/v2"));
        assert_eq!(pick("linux/amd64", &levels[1..]), None);
        assert_eq!(pick("linux/arm64/9", &["linux/arm64", "linux/arm64/v8.2"]).as_deref(), Some("linux/arm64/v8.2"));
        assert_eq!(pick("linux/arm64", &["linux/arm64/v8.1"]), None);
        assert_eq!(pick("linux/ppc64le", &["linux/ppc64le/power9"]), None);
        assert_eq!(pick("linux/ppc64le/power9", &["linux/ppc64le/power9"]).as_deref(), Some("linux/ppc64le/power9"));
        assert_eq!(pick("unknown/unknown", &["unknown/unknown"]), None);
        let builds = ["windows/amd64:10.0.17763.1", "windows/amd64:10.0.20348.5"];
        assert_eq!(pick("windows/amd64:10.0.20348", &builds).as_deref(), Some(builds[1]));
        assert_eq!(pick("windows/amd64:10.0.2034", &builds), None);
        assert_eq!(pick("windows/amd64", &builds).as_deref(), Some(builds[0]));
    }

    #[test]
    fn fewer_unknown_features_are_better_and_equals_keep_their_order() {
        let plain = platform("windows/amd64");
        let more = Platform { os_features: vec!["win32k".to_owned()], ..plain.clone() };
        assert_eq!(choose(&plain, &[more.clone(), plain.clone()]), Some(1));
        assert_eq!(choose(&plain, &[more]), Some(0));
        assert_eq!(choose(&plain, &[plain.clone(), plain.clone()]), Some(0));
        assert_eq!(choose(&plain, &[]), None);
    }

    #[test]
    fn a_name_means_no_other_platform() {
        for (name, other, expected) in [
            ("linux/arm64", "linux/aarch64/v8", true),
            ("linux/arm", "linux/arm/v7", true),
            ("linux/arm", "linux/arm/v6", false),
            ("linux/amd64", "linux/amd64/v3", false),
            ("windows/amd64", "windows/amd64:10.0.20348.5", true),
            ("windows/amd64:10.0.20348", "windows/amd64:10.0.20348.5", true),
            ("windows/amd64:10.0.2034", "windows/amd64:10.0.20348.5", false),
            ("windows/amd64:10.0.20348", "windows/amd64", false),
            ("unknown/unknown", "unknown/unknown", true),
            ("linux/amd64", "unknown/unknown", false),
        ] {
            assert_eq!(platform(name).names(&platform(other)), expected, "{name} {other}");
        }
    }

    #[test]
    fn this_machine_has_a_normal_name_that_matches_itself() {
        let host = Platform::host();
        assert_eq!(host.to_string().parse::<Platform>().unwrap(), host);
        assert!(host.rank(&host).is_some() && host.rank(&platform("plan9/386")).is_none());
    }

    #[test]
    fn oci_names_in_json() {
        let json = r#"{"os":"windows","architecture":"amd64","os.version":"10.0.1","os.features":["win32k"]}"#;
        let parsed: Platform = serde_json::from_str(json).unwrap();
        assert_eq!(parsed.os_version.as_deref(), Some("10.0.1"));
        assert_eq!(serde_json::to_string(&parsed).unwrap(), json);
        for nothing in [
            r#"{"os":null,"architecture":null,"variant":null,"os.version":null,"os.features":null}"#,
            r#"{"os":"","architecture":"","variant":"","os.version":"","os.features":[]}"#,
            "{}",
        ] {
            assert_eq!(serde_json::from_str::<Platform>(nothing).unwrap(), Platform::default(), "{nothing}");
        }
    }
}
