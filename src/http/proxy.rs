//! Proxies: their URLs, which one a URL goes through, and the environment's proxies when the caller wants them.
//!
//! The rules are Go's (golang.org/x/net/http/httpproxy), because the other clients of registries are written in Go,
//! plus curl's ALL_PROXY.

use std::fmt;

use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::no_proxy::NoProxy;
use crate::error::{Code, Error, Result};
use crate::options::OptionValue;
use crate::options::{options, Texts};

options! {
    /// The proxy for every host.
    #[derive(Debug, Clone)]
    pub struct ProxyOptions {
        /// the proxy's URL, with "http://", "https://", "socks5://" or "socks5h://", or "direct" for none
        ///
        /// the URL may have "USER:PASSWORD@" before its host. With socks5 names are resolved here, with socks5h by the proxy
        pub proxy: Option<ProxyChoice>,
        /// hosts that the proxy is not for, as Go reads NO_PROXY
        ///
        /// each entry is "*", a "name" with all names below it, a ".name" for those below it only, an address, or "ADDRESS/BITS";
        /// all but the last may have ":PORT"
        pub no_proxy: Texts,
        /// if the option proxy is not given, use HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY
        ///
        /// the variables are read when the client is made, their names in upper or in lower case. This machine's own names
        /// and addresses are never reached by a proxy from the environment, and HTTP_PROXY is not used in a CGI program
        pub proxy_from_environment: bool,
    }
}

const SCHEMES: [&str; 4] = ["http", "https", "socks5", "socks5h"];

/// A proxy, with its credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    url: Url,
    text: Zeroizing<String>,
}

// Equal proxies have equal URLs, and the hash does not need the password.
impl std::hash::Hash for Proxy {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.url.hash(state);
    }
}

impl Proxy {
    /// Reads `[SCHEME://][USER[:PASSWORD]@]HOST[:PORT]`; without a scheme it is an http proxy. The error never quotes
    /// the text, which may hold a password.
    pub fn parse(text: &str) -> std::result::Result<Proxy, &'static str> {
        let text = text.trim();
        let text = Zeroizing::new(if text.contains("://") { text.to_owned() } else { format!("http://{text}") });
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err("contains spaces or control characters");
        }
        let mut url = Url::parse(&text).map_err(|_| "is not a URL")?;
        if !SCHEMES.contains(&url.scheme()) {
            return Err("must begin with http://, https://, socks5:// or socks5h://");
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err("names no host");
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("has more than a scheme, a user, a password, a host and a port");
        }
        // Below, such a proxy would silently be ignored.
        if url.as_str().parse::<hyper::Uri>().is_err() {
            return Err("is not a URL");
        }
        if url.scheme().starts_with("socks") && url.port().is_none() {
            let _ = url.set_port(Some(1080));
        }
        let text = Zeroizing::new(url.as_str().to_owned());
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Ok(Proxy { url, text })
    }

    /// The form shown in messages and explanations: without credentials.
    pub(crate) fn shown(&self) -> String {
        self.url.as_str().trim_end_matches('/').to_owned()
    }

    pub(crate) fn has_credentials(&self) -> bool {
        self.text.as_str() != self.url.as_str()
    }

    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Whether the proxy itself is reached by TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether it resolves host names itself; only a `socks5` proxy receives addresses.
    pub(crate) fn resolves(&self) -> bool {
        self.url.scheme() != "socks5"
    }

    /// Whether a plain http request is sent to it as a request, not through a tunnel.
    pub(crate) fn forwards(&self) -> bool {
        self.url.scheme().starts_with("http")
    }

    /// Converts it for the HTTP crate.
    pub(crate) fn to_reqwest(&self) -> Result<reqwest::Proxy> {
        reqwest::Proxy::all(self.text.as_str())
            .map_err(|_| Error::new(Code::InvalidArgument, format!("the proxy {} cannot be used", self.shown())))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown())
    }
}

/// Whether a host is reached through a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ProxyChoice {
    /// No proxy: `direct`, or an empty string.
    Direct,
    /// Through this one.
    Through(Proxy),
}

impl ProxyChoice {
    /// Reads `direct`, or a proxy as [`Proxy::parse`] does.
    pub fn parse(text: &str) -> std::result::Result<ProxyChoice, &'static str> {
        match text.trim() {
            "" | "direct" => Ok(ProxyChoice::Direct),
            text => Proxy::parse(text).map(ProxyChoice::Through),
        }
    }

    fn proxy(&self) -> Option<&Proxy> {
        match self {
            ProxyChoice::Direct => None,
            ProxyChoice::Through(proxy) => Some(proxy),
        }
    }
}

impl OptionValue for ProxyChoice {
    fn read(value: Value) -> std::result::Result<ProxyChoice, String> {
        ProxyChoice::parse(&Zeroizing::<String>::read(value)?).map_err(str::to_owned)
    }
}

/// Looks up an environment variable.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The proxies of a client: which one a URL goes through.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies {
    chosen: Option<ProxyChoice>,
    http: Option<Proxy>,
    https: Option<Proxy>,
    except: NoProxy,
}

impl Proxies {
    /// Created from the options; `environment` is used only if the caller wants that.
    pub(crate) fn new(chosen: Option<ProxyChoice>, except: &[String], environment: Option<Lookup>) -> Result<Proxies> {
        let mut proxies = Proxies { chosen, ..Proxies::default() };
        except.iter().for_each(|text| proxies.except.add(text));
        let Some(environment) = environment.filter(|_| proxies.chosen.is_none()) else { return Ok(proxies) };
        let first = |names: &[&'static str]| {
            let found = names.iter().find_map(|name| Some((*name, environment(name).filter(|text| !text.is_empty())?)));
            let Some((name, text)) = found else { return Ok(None) };
            let wrong = |why| Error::new(Code::InvalidArgument, format!("the environment variable {name} {why}"));
            Proxy::parse(&Zeroizing::new(text)).map(Some).map_err(wrong)
        };
        // A web server passes a request's `Proxy` header to a CGI program as HTTP_PROXY.
        let is_cgi = environment("REQUEST_METHOD").is_some();
        let all = first(&["ALL_PROXY", "all_proxy"])?;
        proxies.http = first(if is_cgi { &["http_proxy"] } else { &["HTTP_PROXY", "http_proxy"] })?.or(all.clone());
        proxies.https = first(&["HTTPS_PROXY", "https_proxy"])?.or(all);
        if let Some(text) = environment("NO_PROXY").or_else(|| environment("no_proxy")) {
            proxies.except.add(&text);
        }
        Ok(proxies)
    }

    /// The proxy for a URL whose host has no setting of its own. A proxy from the environment is never used for this
    /// machine.
    pub(crate) fn of(&self, url: &Url) -> Option<&Proxy> {
        if self.except.covers(url) {
            return None;
        }
        match &self.chosen {
            Some(choice) => choice.proxy(),
            None if super::address::is_local_name(url) => None,
            None if url.scheme() == "https" => self.https.as_ref(),
            None => self.http.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn through(proxies: &Proxies, text: &str) -> Option<String> {
        proxies.of(&url(text)).map(Proxy::shown)
    }

    #[test]
    fn credentials_are_kept_but_never_shown() {
        let proxy = Proxy::parse("http://alice:s3cr%40et@proxy.example:3128/").unwrap();
        assert_eq!(proxy.shown(), "http://proxy.example:3128");
        assert!(proxy.has_credentials() && !format!("{proxy:?}").contains("s3cr"));
        assert!(proxy.to_reqwest().is_ok());
        assert_ne!(proxy, Proxy::parse("http://proxy.example:3128").unwrap());
        assert_eq!(Proxy::parse("proxy.example:3128").unwrap().shown(), "http://proxy.example:3128");
        assert_eq!(Proxy::parse("socks5h://p").unwrap().shown(), "socks5h://p:1080");
        assert!(Proxy::parse("socks5h://p").unwrap().resolves());
        assert!(!Proxy::parse("socks5://p").unwrap().resolves());
    }

    #[test]
    fn wrong_proxies_are_refused_without_being_quoted() {
        for text in
            ["ftp://u:secret@p", "http://", "http://u:secret@p/path", "socks4://p", "http://p?secret", "http://a b"]
        {
            let why = Proxy::parse(text).unwrap_err();
            assert!(!why.contains("secret"), "{text}");
        }
        assert_eq!(ProxyChoice::parse("direct"), Ok(ProxyChoice::Direct));
        assert_eq!(ProxyChoice::parse(""), Ok(ProxyChoice::Direct));
    }

    #[test]
    fn the_environment_is_read_as_go_and_curl_read_it() {
        let of = |variables: &'static [(&str, &str)]| {
            let look = move |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            Proxies::new(None, &[], Some(&look))
        };
        let both = of(&[("HTTP_PROXY", "upper:1"), ("http_proxy", "lower:1"), ("https_proxy", "secure:1")]).unwrap();
        assert_eq!(through(&both, "http://h/").as_deref(), Some("http://upper:1"));
        assert_eq!(through(&both, "https://h/").as_deref(), Some("http://secure:1"));
        for local in ["http://localhost:5000", "http://127.9.9.9", "http://[::1]/", "http://x.localhost./"] {
            assert_eq!(through(&both, local), None, "{local}");
        }
        let all = of(&[("ALL_PROXY", "socks5h://s"), ("HTTP_PROXY", ""), ("NO_PROXY", "h,.x")]).unwrap();
        assert_eq!(through(&all, "http://other/").as_deref(), Some("socks5h://s:1080"));
        assert_eq!(through(&all, "https://h/"), None);
        assert_eq!(through(&all, "https://a.x/"), None);
        let cgi = of(&[("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "evil:1"), ("HTTPS_PROXY", "secure:1")]).unwrap();
        assert_eq!(through(&cgi, "http://h/"), None);
        assert_eq!(through(&cgi, "https://h/").as_deref(), Some("http://secure:1"));
        let error = of(&[("HTTPS_PROXY", "ftp://u:secret@h")]).unwrap_err();
        assert!(error.message().contains("HTTPS_PROXY") && !error.message().contains("secret"));
    }

    #[test]
    fn what_the_caller_chose_is_for_this_machine_too_and_the_environment_is_not_asked() {
        let look = |_: &str| Some("wrong:1".to_owned());
        let chosen = ProxyChoice::parse("http://own:1").unwrap();
        let proxies = Proxies::new(Some(chosen), &["no.example, 10.0.0.0/8".to_owned()], Some(&look)).unwrap();
        assert_eq!(through(&proxies, "http://localhost/").as_deref(), Some("http://own:1"));
        assert_eq!(through(&proxies, "http://10.1.1.1/"), None);
        let direct = Proxies::new(Some(ProxyChoice::Direct), &[], Some(&look)).unwrap();
        assert_eq!(through(&direct, "http://h/"), None);
    }
}
