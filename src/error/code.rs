//! The stable codes of errors.

/// The stable error codes. Numbers are part of the ABI and never change; new ones are only added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
#[allow(missing_docs)]
pub enum Code {
    InvalidArgument = 1,
    InvalidReference = 2,
    Unauthenticated = 3,
    Forbidden = 4,
    NotFound = 5,
    Unsupported = 6,
    RateLimited = 7,
    Connect = 8,
    Tls = 9,
    Timeout = 10,
    Cancelled = 11,
    Redirect = 12,
    Protocol = 13,
    DigestMismatch = 14,
    SizeMismatch = 15,
    LimitExceeded = 16,
    InvalidManifest = 17,
    Signature = 18,
    MissingBlob = 19,
    Server = 20,
    Http = 21,
    Io = 22,
    Callback = 23,
    Forked = 24,
    Closed = 25,
    Busy = 26,
    Internal = 27,
    Network = 28,
    Resolve = 29,
}

impl Code {
    /// Every code, in the order of their numbers.
    pub const ALL: [Code; 29] = {
        use Code::*;
        [
            InvalidArgument,
            InvalidReference,
            Unauthenticated,
            Forbidden,
            NotFound,
            Unsupported,
            RateLimited,
            Connect,
            Tls,
            Timeout,
            Cancelled,
            Redirect,
            Protocol,
            DigestMismatch,
            SizeMismatch,
            LimitExceeded,
            InvalidManifest,
            Signature,
            MissingBlob,
            Server,
            Http,
            Io,
            Callback,
            Forked,
            Closed,
            Busy,
            Internal,
            Network,
            Resolve,
        ]
    };

    /// The number in the C API.
    pub fn number(self) -> i32 {
        self as i32
    }

    /// The code with this number, if there is one.
    pub fn from_number(number: i32) -> Option<Code> {
        Code::ALL.into_iter().find(|code| code.number() == number)
    }

    /// The name without the `OCIREG_` prefix, NUL-terminated so that C can borrow it.
    pub(crate) fn c_name(self) -> &'static std::ffi::CStr {
        match self {
            Code::InvalidArgument => c"INVALID_ARGUMENT",
            Code::InvalidReference => c"INVALID_REFERENCE",
            Code::Unauthenticated => c"UNAUTHENTICATED",
            Code::Forbidden => c"FORBIDDEN",
            Code::NotFound => c"NOT_FOUND",
            Code::Unsupported => c"UNSUPPORTED",
            Code::RateLimited => c"RATE_LIMITED",
            Code::Connect => c"CONNECT",
            Code::Tls => c"TLS",
            Code::Timeout => c"TIMEOUT",
            Code::Cancelled => c"CANCELLED",
            Code::Redirect => c"REDIRECT",
            Code::Protocol => c"PROTOCOL",
            Code::DigestMismatch => c"DIGEST_MISMATCH",
            Code::SizeMismatch => c"SIZE_MISMATCH",
            Code::LimitExceeded => c"LIMIT_EXCEEDED",
            Code::InvalidManifest => c"INVALID_MANIFEST",
            Code::Signature => c"SIGNATURE",
            Code::MissingBlob => c"MISSING_BLOB",
            Code::Server => c"SERVER",
            Code::Http => c"HTTP",
            Code::Io => c"IO",
            Code::Callback => c"CALLBACK",
            Code::Forked => c"FORKED",
            Code::Closed => c"CLOSED",
            Code::Busy => c"BUSY",
            Code::Internal => c"INTERNAL",
            Code::Network => c"NETWORK",
            Code::Resolve => c"RESOLVE",
        }
    }

    /// The name without the `OCIREG_` prefix.
    pub fn name(self) -> &'static str {
        self.c_name().to_str().unwrap_or("UNKNOWN")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense_and_names_unique() {
        for (index, code) in Code::ALL.into_iter().enumerate() {
            assert_eq!(code.number(), index as i32 + 1);
            assert_eq!(Code::from_number(code.number()), Some(code));
        }
        let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert_eq!(Code::from_number(0), None);
        assert_eq!(Code::Resolve.number(), 29);
    }
}
