//! TLS: rustls with ring. The platform's certificate authorities unless the caller says otherwise, and no
//! environment variable has a say in where they are read from.

use std::path::Path;
use std::sync::Arc;

use once_cell::sync::OnceCell;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{ring, verify_tls12_signature, verify_tls13_signature, CryptoProvider};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::settings::Trust;
use crate::error::{Code, Error, Result};

const CA_FILE_LIMIT: u64 = 16 << 20;

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
    fn platform(&self) -> &[CertificateDer<'static>] {
        self.0.get_or_init(|| {
            let found = match BUNDLES.iter().map(Path::new).find(|path| path.exists()) {
                Some(bundle) => rustls_native_certs::load_certs_from_paths(Some(bundle), None),
                // Only its macOS part reads no environment variable.
                None if cfg!(target_os = "macos") => rustls_native_certs::load_native_certs(),
                None => rustls_native_certs::load_certs_from_paths(None, Some(Path::new("/etc/ssl/certs"))),
            };
            // A broken entry must not cost the others; with none left every handshake fails by name.
            found.certs
        })
    }

    /// A TLS configuration for a kind of trust.
    pub fn config(&self, trust: &Trust) -> Result<ClientConfig> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::new(Code::Internal, format!("TLS set-up: {error}")))?;
        let mut config = if trust.insecure {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified(provider))).with_no_client_auth()
        } else {
            builder.with_root_certificates(self.store(trust)?).with_no_client_auth()
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    fn store(&self, trust: &Trust) -> Result<RootCertStore> {
        let mut store = RootCertStore::empty();
        if let Some(file) = &trust.ca_file {
            for certificate in read_ca_file(file)? {
                store.add(certificate).map_err(|error| {
                    Error::new(Code::Tls, format!("the CA file {file} holds a bad certificate: {error}"))
                })?;
            }
        }
        if trust.ca_file.is_none() || !trust.ca_only {
            store.add_parsable_certificates(self.platform().iter().cloned());
        }
        Ok(store)
    }
}

/// The certificates in a CA file (PEM).
pub fn read_ca_file(file: &str) -> Result<Vec<CertificateDer<'static>>> {
    let what = || format!("cannot read the CA file {file}");
    let size = std::fs::metadata(file).map_err(|error| Error::io(what(), &error))?.len();
    if size > CA_FILE_LIMIT {
        return Err(Error::new(
            Code::LimitExceeded,
            format!("the CA file {file} is larger than {CA_FILE_LIMIT} bytes"),
        ));
    }
    let bytes = std::fs::read(file).map_err(|error| Error::io(what(), &error))?;
    let certificates: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(Error::new(Code::Tls, format!("the CA file {file} holds no PEM certificate"))),
        Err(error) => Err(Error::new(Code::Tls, format!("the CA file {file} is no PEM file: {error}"))),
    }
}

/// Takes any certificate: for a host whose options say `insecure`. Signatures of the handshake are still checked.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
