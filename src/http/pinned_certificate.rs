//! A server's certificate that the caller provided, byte for byte: usually a self-signed one as made by `openssl req
//! -x509`, which is an authority too. It need not be certified by an authority, and is valid for its names, its period and
//! its purposes (RFC 5280 4.2.1.12).

use der::asn1::AnyRef;
use der::{Decode, Reader, Tag, TagNumber, Tagged};
use rustls::client::danger::ServerCertVerified;
use rustls::client::verify_server_name;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, OtherError};
use rustls_pki_types::{CertificateDer, ServerName};

/// The extensions of a certificate, in its own list.
const EXTENSIONS: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(3) };
/// The extension "extended key usage", 2.5.29.37.
const PURPOSES: &[u8] = &[0x55, 0x1d, 0x25];
/// The usage "TLS server", 1.3.6.1.5.5.7.3.1.
const SERVER: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];

/// Accepts a certificate that is trusted byte for byte if only its place in a chain is wrong. Other faults remain
/// errors.
pub(super) fn verify(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    refused: Error,
) -> Result<ServerCertVerified, Error> {
    match &refused {
        // These come after its validity and purposes were checked: its issuer makes no difference.
        Error::InvalidCertificate(
            CertificateError::UnknownIssuer
            | CertificateError::BadSignature
            | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
        ) => {}
        // This one comes after its validity and before its purposes.
        Error::InvalidCertificate(error) if is_authority(error) => match is_for_servers(certificate) {
            Ok(true) => {}
            Ok(false) => return Err(CertificateError::InvalidPurpose.into()),
            Err(_) => return Err(CertificateError::BadEncoding.into()),
        },
        _ => return Err(refused),
    }
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
    Ok(ServerCertVerified::assertion())
}

/// Whether a certificate was refused because it is an authority.
pub(super) fn is_authority(error: &CertificateError) -> bool {
    let CertificateError::Other(OtherError(error)) = error else { return false };
    matches!(error.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// Whether a server may use the certificate: it is for that purpose, or does not restrict its purposes.
fn is_for_servers(certificate: &[u8]) -> der::Result<bool> {
    let certificate = members(AnyRef::from_der(certificate)?)?;
    let Some(body) = certificate.first() else { return Ok(true) };
    let Some(extensions) = members(*body)?.into_iter().find(|field| field.tag() == EXTENSIONS) else { return Ok(true) };
    for extension in members(AnyRef::from_der(extensions.value())?)? {
        let fields = members(extension)?;
        if let (Some(name), Some(value)) = (fields.first(), fields.last()) {
            if name.value() == PURPOSES {
                let purposes = members(AnyRef::from_der(value.value())?)?;
                return Ok(purposes.iter().any(|purpose| purpose.value() == SERVER));
            }
        }
    }
    Ok(true)
}

fn members(sequence: AnyRef<'_>) -> der::Result<Vec<AnyRef<'_>>> {
    sequence.sequence(|reader| {
        let mut all = Vec::new();
        while !reader.is_finished() {
            all.push(reader.decode()?);
        }
        Ok(all)
    })
}
