//! PEM as found in practice: libtrust writes header lines into its blocks, OpenSSL puts `EC PARAMETERS` before a key.

use base64::Engine as _;
use zeroize::Zeroizing;

use crate::error::{Code, Error, Result};
use crate::text::shorten;

/// More than any key or chain needs.
const LARGEST: usize = 1 << 20;

pub(super) struct Block {
    /// For example `EC PRIVATE KEY`.
    pub(super) label: String,
    /// The bytes inside; wiped when dropped, as they may be a private key.
    pub(super) der: Zeroizing<Vec<u8>>,
    /// Whether its header lines mark it as encrypted.
    pub(super) encrypted: bool,
}

/// All blocks of a text, in order; there is at least one.
pub(super) fn blocks(text: &str) -> Result<Vec<Block>> {
    if text.len() > LARGEST {
        return Err(Error::new(Code::LimitExceeded, format!("the PEM text has more than {LARGEST} bytes")));
    }
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        blocks.push(block(label, &mut lines)?);
    }
    if blocks.is_empty() {
        return Err(wrong("it has no '-----BEGIN …-----'"));
    }
    Ok(blocks)
}

fn block<'a>(label: &str, lines: &mut impl Iterator<Item = &'a str>) -> Result<Block> {
    let end = format!("-----END {label}-----");
    let mut encrypted = label.starts_with("ENCRYPTED ");
    let mut body = Zeroizing::new(String::new());
    for line in lines {
        if line == end {
            let engine = base64::engine::general_purpose::STANDARD;
            // The content of an encrypted block cannot be used.
            let der = if encrypted { Ok(Vec::new()) } else { engine.decode(body.as_bytes()) };
            let der = der.map_err(|_| wrong(&format!("its block {} is not base64", shorten(label))))?;
            return Ok(Block { label: label.to_owned(), der: Zeroizing::new(der), encrypted });
        }
        match line.split_once(':') {
            Some((name, value)) => encrypted |= name == "Proc-Type" && value.contains("ENCRYPTED"),
            None => body.push_str(line),
        }
    }
    Err(wrong(&format!("its block {} has no end", shorten(label))))
}

fn wrong(why: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("the PEM text cannot be read: {why}"))
}

pub(super) fn write(label: &str, der: &[u8]) -> String {
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for (at, letter) in body.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text + &format!("\n-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_with_headers_and_company() {
        let text = "Bag Attributes\n-----BEGIN EC PARAMETERS-----\r\nBggq\r\n-----END EC PARAMETERS-----\n\
                    -----BEGIN EC PRIVATE KEY-----\nkeyID: AAAA:BBBB\n\nAQID\nBAUG\n-----END EC PRIVATE KEY-----\n";
        let found = blocks(text).unwrap();
        assert_eq!((found[0].label.as_str(), found[1].label.as_str()), ("EC PARAMETERS", "EC PRIVATE KEY"));
        assert_eq!((found[1].der.as_slice(), found[1].encrypted), (&[1u8, 2, 3, 4, 5, 6][..], false));
        let closed = text.replace("keyID: AAAA:BBBB", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00");
        assert!(blocks(&closed).unwrap()[1].encrypted);
        assert_eq!(blocks(&write("X", &[7; 100])).unwrap()[0].der.as_slice(), [7; 100]);
        assert!(write("X", &[7; 100]).lines().all(|line| line.len() <= 64));
    }

    #[test]
    fn what_is_no_pem() {
        for text in ["", "hello", "-----BEGIN X-----\nAQID\n", "-----BEGIN X-----\n???\n-----END X-----"] {
            assert_eq!(blocks(text).err().unwrap().code(), Code::InvalidArgument, "{text}");
        }
        assert_eq!(blocks(&" ".repeat(LARGEST + 1)).err().unwrap().code(), Code::LimitExceeded);
    }
}
