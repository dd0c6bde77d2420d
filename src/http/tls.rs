//! TLS: rustls with ring. The platform's certificate authorities unless the caller chooses others; no
//! environment variable influences where they are read from.

use std::path::Path;
use std::sync::Arc;

use once_cell::sync::OnceCell;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{ring, verify_tls12_signature, verify_tls13_signature, CryptoProvider};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::handshake::{self, TlsSessions};
use super::route::{Route, TlsTrust};
use super::{pem, pinned_certificate};
use crate::error::{Code, Error, Result};
use crate::os::resource_shortage::is_shortage;

/// The bundles of Linux distributions; the first that exists is read.
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
];

/// The authorities of the platform, read once per client.
#[derive(Default)]
pub(crate) struct Roots(OnceCell<Certificates>);

type Certificates = Arc<[CertificateDer<'static>]>;

impl Roots {
    fn platform(&self) -> Result<Certificates> {
        let roots = self.0.get_or_try_init(|| {
            let found = match BUNDLES.iter().map(Path::new).find(|path| path.exists()) {
                Some(bundle) => rustls_native_certs::load_certs_from_paths(Some(bundle), None),
                // Only its macOS part reads no environment variable.
                None if cfg!(target_os = "macos") => rustls_native_certs::load_native_certs(),
                None => rustls_native_certs::load_certs_from_paths(None, Some(Path::new("/etc/ssl/certs"))),
            };
            // A broken entry must not affect the others; with none left every handshake fails with a clear error. A
            // bundle that could not even be opened is different: it is tried again.
            match found.errors.into_iter().find_map(shortage).filter(|_| found.certs.is_empty()) {
                Some(error) => Err(Error::io("cannot read the platform's certificate authorities", &error)),
                None => Ok(found.certs.into()),
            }
        })?;
        Ok(roots.clone())
    }

    /// The TLS configuration of a route.
    pub(crate) fn config(&self, route: &Route) -> Result<ClientConfig> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(self.verifier(route, &provider)?);
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(set_up)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &route.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = pem::identity(identity)?;
                builder.with_client_auth_cert(chain, key).map_err(|error| {
                    let (cert, key) = (&identity.cert_file, &identity.key_file);
                    let message = match error {
                        rustls::Error::InconsistentKeys(_) => {
                            format!("the client key file {key} does not belong to the client certificate file {cert}")
                        }
                        error => format!("the client certificate file {cert} with the key file {key}: {error}"),
                    };
                    Error::new(Code::Tls, message)
                })?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::store(Arc::new(TlsSessions::default()));
        Ok(config)
    }

    fn verifier(&self, route: &Route, provider: &Arc<CryptoProvider>) -> Result<ServerVerifier> {
        let mut proxy = None;
        if let Some(other) = route.proxy.as_ref().filter(|proxy| proxy.is_https()) {
            if let Ok(name) = ServerName::try_from(other.host().trim_matches(['[', ']']).to_owned()) {
                proxy = Some((name, self.judge(&route.proxy_trust, provider)?));
            }
        }
        Ok(ServerVerifier { host: self.judge(&route.trust, provider)?, proxy, provider: provider.clone() })
    }

    fn judge(&self, trust: &TlsTrust, provider: &Arc<CryptoProvider>) -> Result<TrustPolicy> {
        if trust.insecure {
            return Ok(TrustPolicy::TakesAll);
        }
        let (mut store, mut given) = (RootCertStore::empty(), Vec::new());
        for file in &trust.ca_files {
            for certificate in pem::certificates(file, "CA")? {
                store.add(certificate.clone()).map_err(|error| {
                    Error::new(Code::Tls, format!("the CA file {file} contains an invalid certificate: {error}"))
                })?;
                given.push(certificate);
            }
        }
        let mut platform = None;
        if trust.ca_files.is_empty() || !trust.ca_only {
            let certificates = self.platform()?;
            store.add_parsable_certificates(certificates.iter().cloned());
            platform = Some(certificates);
        }
        if store.is_empty() {
            // Not an error yet: a host with plain http needs none.
            return Ok(TrustPolicy::TakesNone);
        }
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone()).build();
        Ok(TrustPolicy::Verifies { chains: chains.map_err(set_up)?, given, platform })
    }
}

/// A resource that the system lacks. A missing or unreadable file is not one: calls that do not need the platform's
/// certificates, with plain http or with a CA file, continue without.
fn shortage(error: rustls_native_certs::Error) -> Option<std::io::Error> {
    match error.kind {
        rustls_native_certs::ErrorKind::Io { inner, .. } if is_shortage(&inner) => Some(inner),
        _ => None,
    }
}

fn set_up(error: impl std::fmt::Display) -> Error {
    Error::new(Code::Internal, format!("TLS set-up: {error}"))
}

/// Verifies the certificates of a host, and those of a proxy that is itself reached by TLS: each with its own settings.
#[derive(Debug)]
struct ServerVerifier {
    host: TrustPolicy,
    proxy: Option<(ServerName<'static>, TrustPolicy)>,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum TrustPolicy {
    /// Accepts any certificate: the options say `insecure`. Signatures of the handshake are still checked.
    TakesAll,
    /// Accepts no certificate, because there is no authority.
    TakesNone,
    /// Accepts those certified by an authority, and those trusted byte for byte: in the caller's files, or among the
    /// platform's.
    Verifies { chains: Arc<WebPkiServerVerifier>, given: Vec<CertificateDer<'static>>, platform: Option<Certificates> },
}

impl TrustPolicy {
    fn judge(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let (chains, given, platform) = match self {
            TrustPolicy::TakesAll => return Ok(ServerCertVerified::assertion()),
            TrustPolicy::TakesNone => {
                let why = "this machine has no certificate authorities, and ca_file names none";
                return Err(rustls::Error::General(why.to_owned()));
            }
            TrustPolicy::Verifies { chains, given, platform } => (chains, given, platform),
        };
        let is_trusted =
            || given.iter().chain(platform.iter().flat_map(|all| all.iter())).any(|one| one == certificate);
        match chains.verify_server_cert(certificate, chain, name, ocsp, now) {
            Err(refused) if is_trusted() => pinned_certificate::verify(certificate, name, refused),
            outcome => outcome,
        }
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        handshake::answered();
        let judge = match &self.proxy {
            Some((proxy, judge)) if proxy == name => judge,
            _ => &self.host,
        };
        judge.judge(certificate, chain, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
