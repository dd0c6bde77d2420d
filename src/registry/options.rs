//! The options of a client, put together from those of the rooms.

pub use crate::auth::options::StoredOptions;
pub use crate::download::BlobLimit;
pub use crate::http::certs_d::CertsOptions;
pub use crate::http::proxy::ProxyOptions;
pub use crate::http::settings::{HttpOptions, TlsOptions};
pub use crate::http::throttle::ThrottleOptions;
pub use crate::job::pool::PoolOptions;
pub use crate::machine::{MachineOptions, ShortNameReading};
pub use crate::options::Texts;
pub use crate::registry::upload::blob_info_cache::BlobInfoOptions;
pub use crate::stream::spool::TemporaryOptions;

use crate::error::{Code, Error, Result};
use crate::manifest::MOST_BYTES as MOST_MANIFEST_BYTES;
use crate::options::{above_zero, options};

options! {
    /// Options of a client.
    #[derive(Debug, Clone)]
    pub struct ClientOptions {
        /// the largest manifest taken; at most 33554432
        pub max_manifest_bytes: u64 = 4_194_304,
        /// the largest page of a list taken
        pub max_list_bytes: u64 = 33_554_432,
    } and {
        #[doc = "How large blobs may be."]
        pub blobs: BlobLimit,
        #[doc = "How requests are made."]
        pub http: HttpOptions,
        /// What is where
        pub blob_info: BlobInfoOptions,
        /// Temporary files
        pub temporary: TemporaryOptions,
        /// Stored credentials
        pub credentials: StoredOptions,
        /// Files of the machine
        pub machine: MachineOptions,
        /// Jobs
        pub jobs: PoolOptions,
    }
}

impl ClientOptions {
    /// Refuses values that make no sense.
    pub(crate) fn check(&self) -> Result<()> {
        if self.max_manifest_bytes > MOST_MANIFEST_BYTES {
            let message = format!("the option max_manifest_bytes is at most {MOST_MANIFEST_BYTES}");
            return Err(Error::new(Code::InvalidArgument, message));
        }
        above_zero(&[("max_manifest_bytes", self.max_manifest_bytes), ("max_list_bytes", self.max_list_bytes)])?;
        self.blobs.check_itself()?;
        self.http.check()?;
        self.temporary.check()?;
        self.credentials.check()?;
        self.jobs.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_room_refuses_what_makes_no_sense_in_its_own() {
        let read = |json| serde_json::from_value::<ClientOptions>(json).unwrap().check();
        assert!(ClientOptions::default().check().is_ok());
        for (key, value) in [
            ("max_manifest_bytes", MOST_MANIFEST_BYTES + 1),
            ("max_manifest_bytes", 0),
            ("max_list_bytes", 0),
            ("max_blob_bytes", 0),
            ("connect_timeout_ms", 0),
            ("max_temporary_bytes", 0),
            ("helper_timeout_ms", 0),
            ("max_connections_per_host", 0),
            ("job_threads", 0),
        ] {
            let error = read(serde_json::json!({ key: value })).unwrap_err();
            assert!(error.code() == Code::InvalidArgument && error.message().contains(key), "{error}");
        }
    }
}
