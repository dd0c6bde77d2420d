//! Clients.

use std::ffi::c_char;

use super::argument::text;
use super::entry::enter;
use super::error::ocireg_error;
use super::handle::{self, opaque, Handle};
use super::options::{self, ocireg_options};
use super::out::New;
use super::panics::quietly;
use super::status::ocireg_status;
use crate::registry::host::HostOptions;
use crate::registry::{Client, ClientOptions};

/// A client: connections, tokens and per-host settings for any number of registries. Cheap to keep, safe to share: any
/// number of threads may make calls with it at once.
pub(super) struct ocireg_client(Handle<Client>);

opaque!(ocireg_client, Client, 0x6f63_6972_6567_0001);

/// Makes a client. Nothing is connected, read or started before the first call, but for the environment where an option
/// asks for it. Free with ocireg_client_free.
///
/// Options: {ClientOptions}
///
/// Redirects go through the proxy too. A proxy resolves names itself, so of the hosts that a server names only local addresses,
/// "localhost" and the names of clouds' metadata services can be refused there. A proxy that refuses or wants other credentials
/// is OCIREG_CONNECT with the proxy's name (http_status 407 for the latter). https to an IPv6 address cannot go through one
/// (OCIREG_INVALID_ARGUMENT): give the host by its name.
///
/// A host that answers 429 or 503 with Retry-After is left alone by all threads until then, or each gets OCIREG_RATE_LIMITED when
/// that is later than 60 s or its deadline.
///
/// The disk is needed for layers that are packed on the way, and for archives that come packed or by a pipe. It is also needed for
/// the layers of old images, which have to be read before the image can be described (docker-v1:// as a place, the option
/// convert_schema1 of ocireg_copy, ocireg_v1_push). The file there has no name: it is gone when the call has ended in any way.
///
/// Stored credentials are used for hosts whose own options hold none and when the credentials callback gives none. The places are
/// asked in the order of the options; in each the helper that credHelpers names for the host, then that of credsStore, then the
/// entries in auths, of which the one for the longest part of HOST/REPOSITORY wins. Of several for one host the one that says the port that is
/// asked wins: HOST:443 or https://HOST, and for http HOST:80, before HOST. A helper, which compares texts, is asked for such a name of the file
/// first, then for the host's one spelling (an IPv6 address is short), then for the caller's, and then for others in the file; after the first a
/// failure is only a warning. A file is read when a registry asks for credentials, and again when it has changed; what a helper said holds until the
/// registry refuses it: then the helper is asked again, and if it says something else, the request is sent once more. A helper that
/// failed is not run again for 10 s (5 min if it was silent) by calls that had begun before. One that is ended is killed, but not what it
/// has started: it shares the terminal of the calling program, where it may ask for a password. A file that is broken is
/// OCIREG_IO. So is one that belongs to another user than root, or that other users may write (its group too, unless that is the
/// owner's own, has no other members and is not root's): it decides where passwords go and which program is run.
///
/// The files of the machine say which mirrors of a registry are asked before it, which registries are reached insecurely, and
/// which not at all. What several say about one name, the first says alone, in the order of the options: registries_conf with
/// registries_conf_dir, containers_registries, each folder of containerd_certs_dir, k3s_registries, docker_daemon_json. Their
/// values mean what they mean to the programs whose files they are; keys that this library has no use for are passed over. They
/// are read once, up to 1 MiB each and 16 MiB in all: make a new client when they have changed (only after one is broken
/// the next call reads all of them again). An error names the file and the line, OCIREG_IO for
/// one that is broken, and OCIREG_LIMIT_EXCEEDED for one that is too large or a folder with more than 1000 entries.
///
/// A registry that registries.conf blocks as a whole is not asked, whatever leads there. A redirect of another registry, its token
/// server, or the next step of an upload there is OCIREG_REDIRECT. If only a part of a registry is blocked, or a part is allowed,
/// only repositories are not asked for. The owner and the mode of these files are not looked at, as those programs do not:
/// unlike files of credentials they are usually not the user's own. A user who may write them decides where requests go and that
/// plain http will do, also with the credentials that are stored for the host: only files of the machine's administrator
/// should be named.
///
/// The differences from those programs: In registries.conf, a prefix without a port is not for the same host with one, unless it is
/// blocked or begins with *.; of a name with a port, what would be read at the mirrors or the location of one that begins so is
/// OCIREG_INVALID_REFERENCE (skopeo asks another port of the mirror, or refuses it too; it lists tags at the registry). Writes, and
/// what is about the registry itself, go to the registry. A prefix and a host are the same in capitals. A loopback host
/// that is not insecure is asked by http if it speaks no TLS. Mirrors are asked for lists of tags and referrers too. The parts of
/// an image need not all come from one mirror: a blob is asked for at a mirror that lacks the manifest or is for digests only, too, as its
/// digest is all that it needs. A registry that is blocked is blocked whatever its location is. Version 1 is
/// refused. In hosts.toml, a broken file is an error. What may be pulled and resolved may be asked for referrers, after all
/// others. A host by http with ca or client is not tried by https first. docker.io by https is Docker Hub. A 'server' elsewhere
/// takes the registry's place for repositories only: what is about the registry itself (ping, login, catalog, ocireg_token) and
/// protocol v1 still ask that, because a login is for the host that the caller names. In registries.yaml, an endpoint that is not
/// a URL is an error. In daemon.json, insecure networks are for hosts that are written as addresses.
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
            #[cfg(feature = "force-panic")]
            options::panic_if_asked(options)?;
            Client::new(options::read::<ClientOptions>(options)?)
        })
    }
}

/// Replaces the settings of one registry host, HOST[:PORT]. They hold for later calls, and for that host only: never for
/// the hosts that it redirects to.
///
/// HOST:443 and https://HOST are one registry, HOST:80 and http://HOST are another one. What is said of HOST holds for HOST:443 and for
/// http://HOST, what is said of one of the two not for the other one: credentials for HOST:443 are not sent to port 80 (by http://HOST, plain_http
/// or for want of TLS), nor are stored ones for HOST:443 or https://HOST. http://HOST, and HOST that is asked by http, have the settings of
/// HOST:80 or http://HOST if there are any, else those of HOST.
///
/// Options: {HostOptions}
///
/// A mirror is [SCHEME://]HOST[:PORT][/PREFIX]; PREFIX is put before the repository's name, after the usual /v2/. In JSON it may
/// be an object, and a string may be the text of one: {"endpoint": the same, "by_digest_only": boolean (it is not asked for
/// tags and referrers, because those answers cannot be verified), "push": boolean (it takes what is written), "namespace":
/// boolean (the query ns tells a proxy of several registries which one is asked)}. Each is a host of its own:
/// ocireg_client_set_host for it gives its credentials, headers and network settings, and nothing of this host's reaches it.
/// The headers and the client certificate of the client's own options go to mirrors that the caller names, here or by
/// ocireg_client_set_host, and not to those that only a file of the machine names.
///
/// Manifests, blobs, tags and referrers are asked of the mirrors in this order, and then of the host itself. One is passed over if
/// it does not connect within 5 s (or connect_timeout_ms if that is less), refuses, does not have it, sends something else, or
/// fewer bytes than min_speed allows. The
/// same holds if it sends no byte of its answer within 10 s (or idle_timeout_ms, or half of the time until the deadline). The log
/// tells so. If no other endpoint answers, one that was only slow is asked again, with all the time that a registry has. For a
/// minute, or as long as its Retry-After says, it then comes after the others. Not so if it only did not have something, which says
/// nothing of the next thing. If the deadline left it less time than it usually has, it comes after the others in this call only.
/// Other settings for its host are tried at once. A download goes on at the next one where it broke off. A list without any tag or
/// referrer is believed of the last one only. What is written goes to the first mirror with push, else to the host itself; the tags
/// that this client has set or deleted are asked there first from then on. What is written by what a tag of the same registry refers
/// to (ocireg_image_tag, a subject, the sources of an index, a copy within the registry) is what the tag refers to at the registry, and
/// its referrers are those that are listed there: nothing checks what a mirror says of either. That holds whatever files say of the two
/// repositories, unless they do not let the registry itself be asked for tags (a location elsewhere, blocked, without the capability
/// resolve, under another name): then it is read like any other reference. A copy to another registry is of what the first endpoint says that the
/// tag is. Where the host itself answers that it does not have
/// something, the mirrors that come after it only for such a failure, in which they did answer, are asked anyway. With
/// mirrors_only what would be asked of the host itself is OCIREG_FORBIDDEN, under each of its names, and so is what the mirrors of
/// other hosts would ask there. Where another host redirects there, or names a token server there, it is OCIREG_REDIRECT.
///
/// username and password are given together, or identity_token, or token. Of unix_socket, address and a proxy only one can be
/// given; the first two go past the client's proxy.
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
            client.set_host(text(&host, "host")?, options::read::<HostOptions>(options)?)
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

/// Frees a client. NULL is accepted, and anything that is not a client is ignored. No call of another thread may be just
/// beginning with it; a callback may free the client of its own call, which goes on and lets go of it at its end. Readers and
/// uploads may be freed before or after. It waits for what the network thread has at hand: about a second where a server floods
/// it, else nothing that is felt. It does not wait for the threads of jobs that are still running. In a forked child the parent's
/// client is leaked, not freed.
#[no_mangle]
pub unsafe extern "C" fn ocireg_client_free(client: *mut ocireg_client) {
    quietly((), || unsafe { handle::free(client) });
}
