//! Login, logout, and what a call would use.

use std::ffi::c_char;

use super::call::call;
use super::client::ocireg_client;
use super::context::ocireg_context;
use super::error::ocireg_error;
use super::manifest::reference;
use super::options::{self, ocireg_options, NoOptions};
use super::out::Json;
use super::registry::registry_name;
use super::status::ocireg_status;

/// Tries credentials out at a registry, HOST[:PORT], and keeps them where Docker's tools do. The registry is pinged, and then
/// asked again with the credentials: by Basic, or with a token of its token server. The credentials are those of the call's
/// options, else those of the host's options, else what the credentials callback says; never stored ones. Blocks.
///
/// Options: {LoginOptions}
///
/// Without credentials_file and docker_config they are kept in the first file that the client's own options credentials_file,
/// docker_config and stored_credentials look into.
///
/// They are handed to the credential helper that the file names for the host (credHelpers, else credsStore), else written into the
/// file, which is created if it does not exist. It is replaced whole or not at all, with the mode 0600, and keeps what else it
/// holds and its order; of a symbolic link the target is replaced, not the link.
///
/// A login to HOST is for both of its usual ports. One to HOST:443 or https://HOST is kept by that name, and one to http://HOST by HOST:80:
/// it is for calls to that port only, by whichever name. An entry that would be found before it is removed, from the helper too (where that
/// fails, a warning says so). If credHelpers name different helpers for the two ports, a login to HOST leaves what is kept for HOST:80.
///
/// Result: {"registry": string, "status": number (of the registry's last answer), "auth": "none" (it asks for nothing: then
/// nothing was checked), "basic" or "bearer", "username": string or null, "identity_token": boolean (one is kept, and no
/// password), "stored_in": string or null (the path of the file, or the name of the helper), and with return_token also "token":
/// string (the bearer token, a secret; the token server may have granted less than was asked) or null (none is used)}. Free with
/// ocireg_string_free.
///
/// Errors: the common ones; OCIREG_UNAUTHENTICATED when the credentials are wrong, and then nothing is kept;
/// OCIREG_INVALID_ARGUMENT also without credentials or without a place to keep them; OCIREG_IO (a broken credentials file, one
/// that others may write, a helper that fails); OCIREG_BUSY (another login holds the file for 10 s). Source: distribution's
/// token and oauth specifications, Docker's config.json, docker-credential-helpers.
#[no_mangle]
pub unsafe extern "C" fn ocireg_login(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    registry: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::required(json), client, context, options),
            |_| Ok(registry_name(registry)?.without_asking_if(options::has(options, &["password", "identity_token"])?)),
            |client, call, registry, options| client.login(call, &registry, &options),
        )
    }
}

/// Removes what is kept for a registry, HOST[:PORT], from every place that the client's options look into: from the files,
/// and from the helpers that they name for the host. Entries for a part of the host only (HOST/NAMESPACE) stay, and so does
/// what is in an environment variable. All names of one registry are meant: with HOST:443 what is kept for HOST goes too, and with HOST
/// what is kept for HOST:80. No network, but helpers may take their time. Blocks.
///
/// Options: {LogoutOptions}
///
/// Result: {"registry": string, "removed": boolean (false: nothing was kept, which is not an error), "from": [string] (the paths of
/// files and the names of helpers that held something)}. Free with ocireg_string_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_INVALID_REFERENCE, OCIREG_IO, OCIREG_BUSY, OCIREG_TIMEOUT, OCIREG_CANCELLED,
/// OCIREG_CLOSED, OCIREG_FORKED, OCIREG_LIMIT_EXCEEDED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_logout(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    registry: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::required(json), client, context, options),
            |_| registry_name(registry),
            |client, call, registry, options| client.logout(call, &registry, &options),
        )
    }
}

/// Says what a call for a reference, [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST], would use: which registry, as which user, and
/// where that was set. Nothing is sent; the credentials callback and credential helpers are asked as a call would ask them. Blocks.
///
/// Options: none.
///
/// Result: {"reference": string, "host": string, "repository": string, "endpoint": string (the URL of the API), "scheme_source":
/// "endpoint", "host options", "reference", "client options", "default" (https) or "probe" (a loopback host is asked by its first
/// call; until then https is shown), "anonymous": boolean (the host's option), "credentials": {"kind": "none", "password",
/// "token" or "identity_token", "username": string or null, "source": "host options", "callback", "file", "environment",
/// "helper", "rule" (of the mirror) or null, "path": string or null (the file that holds them or names the helper), "variable":
/// string or null (the same of an environment variable), "key": string or null (the entry), "helper": string or null},
/// "trusted_realms": [string], "network": {"insecure": boolean, "ca_files": [string], "ca_only": boolean, "client_cert_file":
/// string or null, "client_key_file": string or null, "proxy": string (without its password) or null, "unix_socket": string or
/// null, "address": string or null, "headers": [string] (names), "max_connections_per_host": number, "requests_per_second":
/// number, "download_bytes_per_second": number, "upload_bytes_per_second": number (of the host alone)}, "endpoints": [{"url":
/// string, "host": string, "repository": string (there) or null (it cannot have it), "asked_for": ["digest", "tag",
/// "referrers", "push"] (what it may be asked for), "blocked": string or null (FILE:LINE that forbids to ask it, as that of a
/// registry that is blocked does; of one of its ports, if that is the one of the url: a host of loopback that nobody has asked yet
/// is shown by https), "passed_over_seconds": number (for how much longer it comes after the others, because it
/// failed; 0: it does not), "passed_over_reason": string or null, "anonymous": boolean, "credentials": as above, "headers":
/// [string] (names), "network": as above, "source": string or null (the option, or FILE:LINE, that says so)}] (the endpoints that
/// are asked, in this order: mirrors and the host itself), "short_name": {"name": string, "stands_for": string or null (for none,
/// or for several), "source": string or null (FILE:LINE), "registries": [string] (that are searched, in order), "mode":
/// "enforcing", "permissive" or "disabled"} or null (what the machine's registries.conf makes of the name without its registry;
/// null for other registries than Docker Hub, and without such a file), "signatures": {"lookaside": string (the URL below which
/// signatures of simple signing are) or null, "lookaside_source": string (FILE:LINE) or null, "lookaside_staging": string (the
/// URL below which they are written; the same if nothing else is said) or null, "lookaside_staging_source": string or null,
/// "use_sigstore_attachments": boolean (sigstore's signatures are beside the image in its repository),
/// "use_sigstore_attachments_source": string or null} or null (what the machine's registries.d says of the image; null if it says
/// nothing)}. A name without registry is Docker Hub's to this library, unless the option short_names of the client says
/// otherwise. No secret is shown. Free with ocireg_string_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_INVALID_REFERENCE, OCIREG_IO, OCIREG_CALLBACK, OCIREG_TIMEOUT, OCIREG_CANCELLED,
/// OCIREG_CLOSED, OCIREG_FORKED, OCIREG_LIMIT_EXCEEDED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_explain(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::required(json), client, context, options),
            |client| self::reference(client, reference),
            |client, call, reference, NoOptions {}| client.explain(call, &reference),
        )
    }
}
