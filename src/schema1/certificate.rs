//! The chain of certificates in a signature's header (x5c, RFC 7515 4.1.6).

use base64::Engine as _;
use p256::pkcs8::der::{AnyRef, Decode, Reader, SliceReader};
use p256::pkcs8::ObjectIdentifier;
use rustls_pki_types::{CertificateDer, UnixTime};
use serde_json::Value;
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter};

use super::public_key::PublicKey;
use super::{pem, wrong};
use crate::error::{Code, Error, Result};
use crate::text::shorten;

/// More certificates than any chain has in practice.
const LONGEST_CHAIN: usize = 16;

/// The authorities that a caller trusts, and the time for which certificates are checked.
#[derive(Debug, Clone)]
pub struct Authorities {
    certificates: Vec<CertificateDer<'static>>,
    at: UnixTime,
}

impl Authorities {
    /// Authorities, for a time given as duration since 1970.
    pub(crate) fn new(certificates: Vec<CertificateDer<'static>>, at: std::time::Duration) -> Authorities {
        Authorities { certificates, at: UnixTime::since_unix_epoch(at) }
    }
}

pub(crate) fn from_pem(text: &str) -> Result<Vec<CertificateDer<'static>>> {
    let blocks = pem::blocks(text)?;
    let certificates: Vec<_> = blocks
        .iter()
        .filter(|block| block.label == "CERTIFICATE")
        .map(|block| CertificateDer::from(block.der.to_vec()))
        .collect();
    match certificates.is_empty() {
        true => Err(Error::new(Code::InvalidArgument, "there is no CERTIFICATE in the PEM text")),
        false => Ok(certificates),
    }
}

/// The certificates of a signer, its own first.
pub struct Chain(Vec<CertificateDer<'static>>);

impl Chain {
    pub(crate) fn new(certificates: Vec<CertificateDer<'static>>) -> Result<Chain> {
        if certificates.is_empty() || certificates.len() > LONGEST_CHAIN {
            return Err(wrong(format!("its chain has {} certificates", certificates.len())));
        }
        Ok(Chain(certificates))
    }

    /// Reads the certificates of a PEM text, the signer's first.
    pub fn from_pem(text: &str) -> Result<Chain> {
        Chain::new(from_pem(text)?).map_err(|error| error.with_code(Code::InvalidArgument))
    }

    /// From a header, where it is in standard base64, unlike the rest.
    pub(crate) fn from_header(x5c: &Value) -> Result<Chain> {
        let list = x5c.as_array().ok_or_else(|| wrong("its x5c is not a list"))?;
        let one = |entry: &Value| {
            let engine = base64::engine::general_purpose::STANDARD;
            let der = entry.as_str().and_then(|text| engine.decode(text).ok());
            der.map(CertificateDer::from).ok_or_else(|| wrong("a certificate of its x5c is not base64"))
        };
        if list.len() > LONGEST_CHAIN {
            return Err(wrong(format!("its chain has {} certificates", list.len())));
        }
        Chain::new(list.iter().map(one).collect::<Result<_>>()?)
    }

    /// The chain as the x5c of a header.
    pub(crate) fn to_header(&self) -> Value {
        self.0.iter().map(|one| base64::engine::general_purpose::STANDARD.encode(one)).collect::<Vec<_>>().into()
    }

    fn leaf(&self) -> Result<EndEntityCert<'_>> {
        let first = self.0.first().ok_or_else(|| wrong("its chain is empty"))?;
        EndEntityCert::try_from(first).map_err(|error| wrong(format!("its certificate cannot be read: {error}")))
    }

    pub(crate) fn key(&self) -> Result<PublicKey> {
        PublicKey::from_spki(&self.leaf()?.subject_public_key_info())
    }

    /// The subject of the signer's certificate for display, such as `CN=signer,O=us`.
    pub(crate) fn subject(&self) -> Result<String> {
        name(self.leaf()?.subject()).map_err(|_| wrong("the subject of its certificate is not valid DER"))
    }

    /// Checks that one of the authorities certified it, at their time.
    pub(crate) fn verify(&self, authorities: &Authorities) -> Result<()> {
        let anchors: Vec<_> =
            authorities.certificates.iter().filter_map(|one| webpki::anchor_from_trusted_cert(one).ok()).collect();
        let between = self.0.get(1..).unwrap_or_default();
        let algorithms = webpki::ALL_VERIFICATION_ALGS;
        self.leaf()?
            .verify_for_usage(algorithms, &anchors, between, authorities.at, AnyUsage, None, None)
            .map(drop)
            .map_err(|error| wrong(format!("its certificate is not certified by the given authorities: {error}")))
    }
}

/// There is no extended key usage for signing manifests: signers have certificates for other purposes, or without a
/// named one.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> std::result::Result<(), webpki::Error> {
        Ok(())
    }
}

// The contents of a Name (RFC 5280 4.1.2.4) as text, its parts in order.
fn name(der: &[u8]) -> std::result::Result<String, p256::pkcs8::der::Error> {
    let mut parts = Vec::new();
    let mut names = SliceReader::new(der)?;
    while !names.is_finished() {
        let set = AnyRef::decode(&mut names)?;
        let mut members = SliceReader::new(set.value())?;
        while !members.is_finished() {
            let pair: (ObjectIdentifier, AnyRef) = members
                .sequence(|pair| Ok::<_, p256::pkcs8::der::Error>((Decode::decode(pair)?, Decode::decode(pair)?)))?;
            let (kind, value) = pair;
            let kind = match kind.to_string().as_str() {
                "2.5.4.3" => "CN".to_owned(),
                "2.5.4.6" => "C".to_owned(),
                "2.5.4.7" => "L".to_owned(),
                "2.5.4.8" => "ST".to_owned(),
                "2.5.4.10" => "O".to_owned(),
                "2.5.4.11" => "OU".to_owned(),
                other => other.to_owned(),
            };
            parts.push(format!("{kind}={}", shorten(&String::from_utf8_lossy(value.value()))));
        }
    }
    Ok(parts.join(","))
}
