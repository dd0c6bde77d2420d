//! PEM files: certificates and keys. Errors name the file, but never quote its content.

use std::io::Read;
use std::path::Path;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::route::ClientCertificate;
use crate::error::{Code, Error, Result};
use crate::os::special_file::open_regular;

const LIMIT: u64 = 16 << 20;

/// The certificates in a file, at least one.
pub(crate) fn certificates(file: &str, what: &str) -> Result<Vec<CertificateDer<'static>>> {
    parse_certificates(&read(file, what)?, file, what)
}

/// A client certificate with its chain, and its key: PKCS #8, SEC 1 or PKCS #1.
pub(crate) fn identity(identity: &ClientCertificate) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    const CERTIFICATE: &str = "client certificate";
    let ClientCertificate { cert_file, key_file } = identity;
    let chain = parse_certificates(&read(cert_file, CERTIFICATE)?, cert_file, CERTIFICATE)?;
    Ok((chain, key(&read(key_file, "client key")?, key_file)?))
}

fn parse_certificates(bytes: &[u8], file: &str, what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(Error::new(Code::Tls, format!("the {what} file {file} contains no PEM certificate"))),
        Err(_) => Err(Error::new(Code::Tls, format!("the {what} file {file} is not a PEM file"))),
    }
}

fn key(bytes: &[u8], file: &str) -> Result<PrivateKeyDer<'static>> {
    let wrong = |what: &str| Err(Error::new(Code::Tls, format!("the client key file {file} {what}")));
    match PrivateKeyDer::from_pem_slice(bytes) {
        Ok(key) => Ok(key),
        Err(_) if contains(bytes, b"ENCRYPTED") => wrong("is encrypted: it must contain the key without a passphrase"),
        Err(_) => wrong("contains no PEM key"),
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

fn read(file: &str, what: &str) -> Result<Zeroizing<Vec<u8>>> {
    let cannot = |error| Error::io(format!("cannot read the {what} file {file}"), &error);
    let mut bytes = Zeroizing::new(Vec::new());
    let opened = open_regular(Path::new(file)).map_err(cannot)?;
    opened.take(LIMIT + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > LIMIT {
        return Err(Error::new(Code::LimitExceeded, format!("the {what} file {file} is larger than {LIMIT} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, text).unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        let error = key(&read(&path, "client key").unwrap(), &path).unwrap_err();
        assert!(error.message().contains(&path));
        assert_eq!(error.code(), Code::Tls);
        error.message().to_owned()
    }

    #[test]
    fn bad_keys_are_named_and_not_shown() {
        for text in ["", "s3cret", "-----BEGIN PRIVATE KEY-----\ns3cret!\n-----END PRIVATE KEY-----\n"] {
            let message = wrong(text);
            assert!(message.contains("no PEM key") && !message.contains("s3cret"), "{message}");
        }
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nczNjcmV0\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert!(wrong(encrypted).contains("encrypted"));
        let older = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nczNj!\n-----END EC PRIVATE KEY-----\n";
        assert!(wrong(older).contains("encrypted"));
    }

    #[test]
    fn files_that_cannot_be_read_are_named() {
        let error = certificates("/no/such/file", "CA").unwrap_err();
        assert_eq!(error.code(), Code::Io);
        assert!(error.message().contains("CA file /no/such/file"));
        assert_eq!(certificates("/", "CA").unwrap_err().code(), Code::Io);
        for device in ["/dev/zero", "/dev/null"] {
            let error = certificates(device, "CA").unwrap_err();
            assert_eq!(error.code(), Code::Io);
            assert!(error.message().contains("a character device, not a regular file"), "{error}");
        }
    }
}
