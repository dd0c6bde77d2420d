//! Clients.

use std::ffi::c_char;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::context::ocireg_context;
use super::error::ocireg_error;
use super::guard::{enter, quietly, text};
use super::handle::{self, opaque, Handle};
use super::options::{self, ocireg_options};
use super::out::New;
use super::status::ocireg_status;
use crate::call::Call;
use crate::error::Result;
use crate::http::settings::ClientOptions;
use crate::registry::host::HostOptions;
use crate::registry::Client;

/// A client: connections, tokens and per-host settings for any number of registries. Cheap to keep, safe to share: any
/// number of threads may make calls with it at once.
pub(super) struct ocireg_client(Handle<Client>);

opaque!(ocireg_client, Client, 0x6f63_6972_6567_0001);

/// The client of a call, the call, and its options.
pub(super) unsafe fn begin<O: DeserializeOwned + Default>(
    client: *const ocireg_client,
    context: *const ocireg_context,
    options: *const ocireg_options,
) -> Result<(Arc<Client>, Call, O)> {
    let options = unsafe { options::read(options) }?;
    let client = unsafe { handle::get(client, "client") }?;
    let context = unsafe { handle::optional(context, "context") }?;
    let call = client.call(context)?;
    Ok((client, call, options))
}

/// Makes a client. Nothing is connected, read or started before the first call, but for the environment where an option
/// asks for it. Free with ocireg_client_free.
///
/// Options: user_agent (string, "ocireg/VERSION"); connect_timeout_ms (integer, 10000: name, TCP and TLS together);
/// idle_timeout_ms (30000: no byte for that long; of an upload, no 32 KiB); min_speed (integer, bytes a second of an answer's body,
/// counted over idle_timeout_ms; fewer are OCIREG_TIMEOUT, 0 = any. When not given: 1024, counted over 30 s or idle_timeout_ms,
/// whichever is longer); answer_timeout_ms (300000: from the end of an upload to its answer);
/// retries (4, after the first try); max_redirects (10); max_manifest_bytes (4194304, at most 33554432); max_list_bytes
/// (33554432, one page of a list); max_blob_bytes (integer: the largest blob or layer taken, by copies too; without it any whose
/// size is known, and 8589934592 bytes of one whose size neither the registry nor the caller says); plain_http (boolean, false:
/// every host by http).
///
/// TLS: insecure (false: no host's TLS is verified); ca_file (string or list of strings: PEM files of certificate
/// authorities for every host, and of servers' own certificates, which are taken as they are, for their names and days, as one
/// among the platform's is);
/// ca_only (false: those instead of the platform's); client_cert_file (string: PEM file of a
/// client certificate with its chain) and client_key_file (string: PEM file of its key in PKCS #8, SEC 1 or PKCS #1 without
/// passphrase; the same file when left out), for the hosts that the caller names and their own token servers, never for
/// hosts that a server names; certs_dir (string or list of folders as Docker has them: DIR/HOST[:PORT]/ with *.crt for
/// authorities and NAME.cert with NAME.key for a client certificate; the first that has the host's folder counts); certs_d
/// (false: also the usual ones, ~/.config/containers/certs.d, ~/.config/docker/certs.d, /etc/containers/certs.d and
/// /etc/docker/certs.d).
///
/// Proxy: proxy (string: "http://", "https://", "socks5://" (names are resolved here) or "socks5h://" (by the proxy), with
/// "USER:PASSWORD@" if need be, or "direct" for none); no_proxy (string or list: hosts that it is not for, as Go reads
/// them: "*", "name" with all names below it, ".name" without itself, addresses, "ADDRESS/BITS", each but the last with
/// ":PORT" if wanted); proxy_from_environment (false: without the option proxy, HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and
/// NO_PROXY in either case, read now; never for this machine's own names and addresses, and no HTTP_PROXY in a CGI
/// program). Redirects go through the proxy too. A proxy resolves names itself, so of the hosts that a server names only
/// local addresses, "localhost" and the names of clouds' metadata services can be refused there. A proxy that refuses or
/// wants other credentials is OCIREG_CONNECT with the proxy's name (http_status 407 for the latter). https to an IPv6
/// address cannot go through one (OCIREG_INVALID_ARGUMENT): give the host by its name.
///
/// headers (list of "Name: value", or in JSON an object): added to requests to the hosts that the caller names and their
/// own token servers; not to redirects elsewhere. Refused are headers that are the library's own (Authorization, Host,
/// Cookie, User-Agent, Range, Accept, Content-..., If-..., connection and framing headers).
///
/// max_connections_per_host (integer, 8: requests of all threads that wait for one host's answers at once, to the end of
/// bodies that are read whole; the bytes of blobs are not counted in either direction, so that a transfer never waits for
/// itself); requests_per_second (number, 0 = any: requests to one host that begin in a second, over all threads). A host
/// that answers 429 or 503 with Retry-After is left alone by all threads until then, or each gets OCIREG_RATE_LIMITED when
/// that is later than 60 s or its deadline.
///
/// temporary_dir (string: the folder for the layers of old images, which have to be read before the image can be described:
/// docker-v1:// as a place, the option convert_schema1 of ocireg_copy, ocireg_v1_push; and for archives that come packed or by a
/// pipe; /var/tmp, or /tmp where there is none; no environment is read) and max_temporary_bytes (68719476736: the most that may wait there for one call). The file there has no name:
/// it is gone when the call has ended in any way.
///
/// Options for stored credentials, which are used for hosts whose own options hold none and when the credentials callback
/// gives none: credentials_file (string: a file of Docker's or podman's form, which must be there); docker_config (string: a
/// folder, whose config.json is read if it is there); stored_credentials (boolean, false: the usual places, by the environment
/// at this moment: the text in DOCKER_AUTH_CONFIG, the file REGISTRY_AUTH_FILE, config.json in DOCKER_CONFIG or in ~/.docker,
/// containers/auth.json in XDG_RUNTIME_DIR, and in XDG_CONFIG_HOME or ~/.config, and ~/.dockercfg); helper_timeout_ms (60000:
/// for one run of a credential helper, which is killed then); helper_path (string: the folders of the helpers, with ':'
/// between, instead of PATH). The places are asked in this order; in each the helper that credHelpers names for the host, then
/// that of credsStore, then the entries in auths, of which the one for the longest part of HOST/REPOSITORY wins. A file is read
/// when a registry asks who calls, and again when it has changed; what a helper said holds until the registry refuses it. A
/// file that is broken is OCIREG_IO, and so is one that belongs to another user but root, or that others may write (its group
/// too, unless that is the owner's own, has nobody else in it and is not root's), for it says where passwords go and which program is run;
/// foreign_credentials (boolean, false: such files too, as a container needs whose user is not the one outside).
///
/// Errors: OCIREG_INVALID_ARGUMENT. Files are read at the first call that needs them: OCIREG_IO when one cannot be read,
/// OCIREG_TLS when it does not hold what it should.
#[no_mangle]
pub unsafe extern "C" fn ocireg_client_new(
    options: *const ocireg_options,
    client: *mut *mut ocireg_client,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, New::required(client, "client"), || {
            let options: ClientOptions = options::read(options)?;
            #[cfg(feature = "force-panic")]
            #[allow(clippy::panic)]
            if options.force_panic {
                panic!("forced by the option force_panic");
            }
            Client::new(options)
        })
    }
}

/// Replaces the settings of one registry host, HOST[:PORT]. They hold for later calls, and for that host only: never for
/// the hosts that it redirects to.
///
/// Options: username and password (strings, together: for Basic and for the host's token server), or identity_token (string:
/// a refresh token for the host's token server, username beside it if that is known; one that the server gives in its place
/// is used from then on), or token (string: a bearer token used as it is); anonymous (boolean, false: never send credentials); plain_http (boolean; true: http, false:
/// https; unset: https, or for a loopback host http if it answers a TLS hello with anything else); endpoint (string: scheme, host, port and path
/// prefix under which the host's API really is, such as "https://h/dockerproxy"); trusted_realms (list of hosts that may
/// get this host's credentials as its token server, besides those of its own domain: HOST[:PORT]; "http://HOST[:PORT]" is one
/// that may have them without TLS although this host is asked by https, which else is refused with OCIREG_PROTOCOL).
///
/// As for ocireg_client_new, and instead of what is said there: insecure (also when said there), ca_file, ca_only,
/// client_cert_file, client_key_file, proxy ("direct": none; no_proxy has no say), max_connections_per_host,
/// requests_per_second; headers (beside those of other names).
///
/// unix_socket (string: path of a socket of this machine that leads to the host; scheme, Host header and TLS stay those of
/// the host's name); address (string: "IP" or "IP:PORT" to connect to, whatever the name resolves to; the name stays in the
/// Host header and in TLS; only for a host that is a name). Either contradicts a proxy, and goes past the client's.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_INVALID_REFERENCE, OCIREG_CLOSED, OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_client_set_host(
    client: *mut ocireg_client,
    host: *const c_char,
    options: *const ocireg_options,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, (), || {
            let client = handle::get(client, "client")?;
            client.set_host(text(host, "host")?, options::read::<HostOptions>(options)?)
        })
    }
}

/// Closes a client: its calls in progress end with OCIREG_CLOSED within 200 ms, later ones answer OCIREG_CLOSED at once.
/// Any thread, any number of times. The memory stays until ocireg_client_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_client_close(
    client: *mut ocireg_client,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, (), || {
            handle::get(client, "client")?.close();
            Ok(())
        })
    }
}

/// Frees a client. NULL is accepted, and what is no client is left alone. No call of another thread may be just beginning with it; a
/// callback may free the client of its own call, which goes on and lets go of it at its end. Readers and uploads may be freed
/// before or after. It waits for what the network thread has at hand: about a second where a server floods it, else nothing that
/// is felt. In a forked child the parent's client is leaked, not freed.
#[no_mangle]
pub unsafe extern "C" fn ocireg_client_free(client: *mut ocireg_client) {
    quietly((), || unsafe { handle::free(client) });
}
