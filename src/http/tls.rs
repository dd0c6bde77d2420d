//! TLS: rustls with ring. The platform's certificate authorities unless the caller says otherwise, and no
//! environment variable has a say in where they are read from.

use std::path::Path;
use std::sync::Arc;

use once_cell::sync::OnceCell;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{ring, verify_tls12_signature, verify_tls13_signature, CryptoProvider};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::pem;
use super::route::{Route, Trust};
use crate::error::{Code, Error, Result};

/// Where Linux distributions keep their bundle; the first that exists is read.
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
];

/// The authorities of the platform, read once a client.
#[derive(Default)]
pub struct Roots(OnceCell<Vec<CertificateDer<'static>>>);

impl Roots {
    fn platform(&self) -> Result<&[CertificateDer<'static>]> {
        let roots = self.0.get_or_try_init(|| {
            let found = match BUNDLES.iter().map(Path::new).find(|path| path.exists()) {
                Some(bundle) => rustls_native_certs::load_certs_from_paths(Some(bundle), None),
                // Only its macOS part reads no environment variable.
                None if cfg!(target_os = "macos") => rustls_native_certs::load_native_certs(),
                None => rustls_native_certs::load_certs_from_paths(None, Some(Path::new("/etc/ssl/certs"))),
            };
            // A broken entry must not cost the others; with none left every handshake fails by name. A bundle that could not even be
            // opened is another matter: it is tried again.
            match found.errors.into_iter().find_map(shortage).filter(|_| found.certs.is_empty()) {
                Some(error) => Err(Error::io("cannot read the platform's certificate authorities", &error)),
                None => Ok(found.certs),
            }
        })?;
        Ok(roots)
    }

    /// The TLS configuration of a route.
    pub fn config(&self, route: &Route) -> Result<ClientConfig> {
        let provider = Arc::new(ring::default_provider());
        let mut verifier = self.verifier(&route.trust, &provider)?;
        if let Some(proxy) = route.proxy.as_ref().filter(|proxy| proxy.is_https()) {
            if let Ok(name) = ServerName::try_from(proxy.host().trim_matches(['[', ']']).to_owned()) {
                let proxy = self.verifier(&route.proxy_trust, &provider)?;
                verifier = Arc::new(Behind { name, proxy, host: verifier });
            }
        }
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
        Ok(config)
    }

    fn verifier(&self, trust: &Trust, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>> {
        if trust.insecure {
            return Ok(Arc::new(Fixed { provider: provider.clone(), refused: None }));
        }
        let store = Arc::new(self.store(trust)?);
        if store.is_empty() {
            // No error yet: a host by plain http needs none.
            let refused = Some("this machine has no certificate authorities, and ca_file names none");
            return Ok(Arc::new(Fixed { provider: provider.clone(), refused }));
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(store, provider.clone()).build().map_err(set_up)?;
        Ok(verifier)
    }

    fn store(&self, trust: &Trust) -> Result<RootCertStore> {
        let mut store = RootCertStore::empty();
        for file in &trust.ca_files {
            for certificate in pem::certificates(file, "CA")? {
                store.add(certificate).map_err(|error| {
                    Error::new(Code::Tls, format!("the CA file {file} holds a bad certificate: {error}"))
                })?;
            }
        }
        if trust.ca_files.is_empty() || !trust.ca_only {
            store.add_parsable_certificates(self.platform()?.iter().cloned());
        }
        Ok(store)
    }
}

/// What the system has no more of. A file that is missing or unreadable is none: who needs no platform's certificates, by plain
/// http or with a CA file, goes on without.
fn shortage(error: rustls_native_certs::Error) -> Option<std::io::Error> {
    match error.kind {
        rustls_native_certs::ErrorKind::Io { inner, .. } => {
            let short = matches!(inner.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM));
            short.then_some(inner)
        }
        _ => None,
    }
}

fn set_up(error: impl std::fmt::Display) -> Error {
    Error::new(Code::Internal, format!("TLS set-up: {error}"))
}

/// For a host behind a proxy that is reached by TLS itself: each is verified by what was said about it.
#[derive(Debug)]
struct Behind {
    name: ServerName<'static>,
    proxy: Arc<dyn ServerCertVerifier>,
    host: Arc<dyn ServerCertVerifier>,
}

impl ServerCertVerifier for Behind {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let verifier = if *name == self.name { &self.proxy } else { &self.host };
        verifier.verify_server_cert(certificate, chain, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.host.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.host.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.host.supported_verify_schemes()
    }
}

/// Takes any certificate, for a host whose options say `insecure`, or none. Signatures of the handshake are still
/// checked.
#[derive(Debug)]
struct Fixed {
    provider: Arc<CryptoProvider>,
    refused: Option<&'static str>,
}

impl ServerCertVerifier for Fixed {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        match self.refused {
            None => Ok(ServerCertVerified::assertion()),
            Some(why) => Err(rustls::Error::General(why.to_owned())),
        }
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
