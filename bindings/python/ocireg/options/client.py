"""The options of clients and of registry hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from ..credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..types import Path


class TLSOptions(TypedDict, total=False):
    """How hosts are trusted, and the caller's client certificate."""

    # TLS is not verified
    insecure: bool | None
    # PEM files of certificate authorities, and of servers' own certificates, which are taken as they are, for their names
    # and days, as one among the platform's is
    ca_file: Path | Iterable[Path] | None
    # those instead of the platform's
    ca_only: bool | None
    # PEM file of a client certificate with its chain, for the hosts that the caller names and their own token servers,
    # never for hosts that a server names
    client_cert_file: Path | None
    # PEM file of its key in PKCS #8, SEC 1 or PKCS #1 without passphrase; the same file when left out
    client_key_file: Path | None


class ClientOptions(TLSOptions, total=False):
    """The options of a client: `ocireg_client_new`."""

    # the largest manifest taken; at most 33554432 (default: 4194304)
    max_manifest_bytes: int | None
    # the largest page of a list taken (default: 33554432)
    max_list_bytes: int | None
    # the largest blob or layer taken, by copies too; without it any whose size is known, and 8589934592 bytes of one
    # whose size neither the registry nor the caller says
    max_blob_bytes: int | None
    # "ocireg/VERSION" without it
    user_agent: str | None
    # name, TCP and TLS together (default: 10000)
    connect_timeout_ms: int | None
    # no byte for that long; of an upload, no 32 KiB (default: 30000)
    idle_timeout_ms: int | None
    # bytes a second of an answer's body, counted over idle_timeout_ms; fewer are OCIREG_TIMEOUT, 0 is any; without it
    # 1024, counted over 30 s or idle_timeout_ms, whichever is longer
    min_speed: int | None
    # from the end of an upload to its answer (default: 300000)
    answer_timeout_ms: int | None
    # tries after the first one (default: 4)
    retries: int | None
    # redirects followed for one request (default: 10)
    max_redirects: int | None
    # every host by http
    plain_http: bool | None
    # "Name: value" each, or in JSON an object: added to requests to the hosts that the caller names and their own token
    # servers; not to redirects elsewhere. Refused are headers that are the library's own (Authorization, Host, Cookie,
    # User-Agent, Range, Accept, Content-..., If-..., connection and framing headers)
    headers: Mapping[str, str] | Iterable[str] | None
    # folders as Docker has them: DIR/HOST[:PORT]/ with *.crt for authorities and NAME.cert with NAME.key for a client
    # certificate; the first that has the host's folder counts
    certs_dir: Path | Iterable[Path] | None
    # also the usual ones, ~/.config/containers/certs.d, ~/.config/docker/certs.d, /etc/containers/certs.d and
    # /etc/docker/certs.d
    certs_d: bool | None
    # "http://", "https://", "socks5://" (names are resolved here) or "socks5h://" (by the proxy), with "USER:PASSWORD@"
    # if need be, or "direct" for none
    proxy: str | None
    # hosts that it is not for, as Go reads them: "*", "name" with all names below it, ".name" without itself, addresses,
    # "ADDRESS/BITS", each but the last with ":PORT" if wanted
    no_proxy: str | Iterable[str] | None
    # without the option proxy, HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY in either case, read now; never for this
    # machine's own names and addresses, and no HTTP_PROXY in a CGI program
    proxy_from_environment: bool | None
    # how many requests of all threads wait for one host's responses at once, up to the end of bodies that are read whole. The bytes
    # of blobs are not counted in either direction, so that a transfer never waits for itself (default: 8)
    max_connections_per_host: int | None
    # requests to one host that begin in a second, over all threads; 0 is any (default: 0)
    requests_per_second: float | None
    # bytes of bodies that come from all hosts together in a second, shared fairly by all transfers of the client; 0 is any;
    # responses with tokens are not counted, nor are headers (default: 0)
    download_bytes_per_second: int | None
    # the same for the bytes that are sent (default: 0)
    upload_bytes_per_second: int | None
    # the folder for bytes that have to wait on the disk; without it /var/tmp, or /tmp where there is none; no environment
    # is read
    temporary_dir: Path | None
    # the most that may wait there for one call (default: 68719476736)
    max_temporary_bytes: int | None
    # a file in which processes remember which repositories have which blobs, made if it is missing: a copy to a registry
    # mounts what another repository of it had. It holds only hints, no secrets, at most 4194304 bytes; the oldest are dropped.
    # A file that other users may read or write, or of another kind, is not used, which is a warning, not an error
    blob_info_cache: Path | None
    # a file of Docker's or podman's form, which must be there
    credentials_file: Path | None
    # a folder, whose config.json is read if it is there
    docker_config: Path | None
    # the usual places, by the environment at this moment: the text in DOCKER_AUTH_CONFIG, the file REGISTRY_AUTH_FILE,
    # config.json in DOCKER_CONFIG or in ~/.docker, containers/auth.json in XDG_RUNTIME_DIR, and in XDG_CONFIG_HOME or
    # ~/.config, and ~/.dockercfg
    stored_credentials: bool | None
    # also read files of users other than root and this one, and files that other users may write, as is needed in a container
    # whose user is not the one outside
    foreign_credentials: bool | None
    # for one run of a credential helper, which is killed then (default: 60000)
    helper_timeout_ms: int | None
    # the folders of the helpers, with ':' between, instead of PATH
    helper_path: str | None
    # a file in the format of containers-registries.conf(5), version 2
    registries_conf: Path | None
    # folders whose *.conf are merged over registries_conf, in the order of their names; of several with one name that of
    # the first folder counts
    registries_conf_dir: Path | Iterable[Path] | None
    # folders as containers-registries.d(5) has them, whose *.yaml say where the signatures of images are, for explain, which
    # shows it; of several with one name that of the first folder counts
    registries_d: Path | Iterable[Path] | None
    # also what podman and skopeo read: registries.conf in XDG_CONFIG_HOME/containers or ~/.config/containers, else in
    # /etc/containers, else in /usr/share/containers, with the files of all their registries.conf.d; or the file that
    # CONTAINERS_REGISTRIES_CONF names; and without registries_d all their registries.d
    containers_registries: bool | None
    # folders as containerd has them: DIR/HOST[:PORT]/hosts.toml, DIR/HOST_PORT_/hosts.toml, DIR/_default/hosts.toml, or
    # certificates instead of hosts.toml
    containerd_certs_dir: Path | Iterable[Path] | None
    # a file like k3s's /etc/rancher/k3s/registries.yaml
    k3s_registries: Path | None
    # a file like Docker's /etc/docker/daemon.json: registry-mirrors, which are for Docker Hub, and insecure-registries
    docker_daemon_json: Path | None
    # what a name without a registry is: "docker.io" (the default), one of Docker Hub; "files": what the aliases of these
    # files say, else the registry of their unqualified-search-registries, which is an error if there are several
    short_names: str | None
    # how many threads may make the calls of jobs, for event loops; at most 1024 (default: 16)
    job_threads: int | None


class HostOptions(TLSOptions, Credentials, total=False):
    """The settings of a registry host: `ocireg_client_set_host`."""

    # never send credentials
    anonymous: bool | None
    # true: http; false: https; without it https, or for a loopback host http if it answers a TLS hello with anything else
    plain_http: bool | None
    # instead of the client's option; "direct": no proxy; no_proxy is ignored
    proxy: str | None
    # path of a unix socket that leads to the host; scheme, Host header and TLS still use the host's name
    unix_socket: Path | None
    # "IP" or "IP:PORT" to connect to, whatever the name resolves to; the Host header and TLS still use the name; only for
    # a host with a name
    address: str | None
    # "Name: value" each, or in JSON an object: in addition to the client's with other names
    headers: Mapping[str, str] | Iterable[str] | None
    # instead of the client's option
    max_connections_per_host: int | None
    # instead of the client's option; 0 is any
    requests_per_second: float | None
    # bytes of bodies that come from this host in a second, besides the client's option; 0 is any; what the host redirects
    # to elsewhere, such as the storage of its blobs, counts as its own (default: 0)
    download_bytes_per_second: int | None
    # the same for the bytes that are sent, wherever the host says that an upload goes (default: 0)
    upload_bytes_per_second: int | None
    # scheme, host, port and path prefix under which the host's API really is, such as "https://h/dockerproxy"
    endpoint: str | None
    # where else to get what is there, before it is asked itself, in this order: "[SCHEME://]HOST[:PORT][/PREFIX]", or a
    # mapping with "endpoint", "by_digest_only", "push" and "namespace"
    mirrors: Iterable[str | Mapping[str, str | bool]] | None
    # only its mirrors are asked: no request is sent to the host itself, and none is led to it by others
    mirrors_only: bool | None
    # hosts that may receive this host's credentials as its token server, besides those of its own domain: HOST[:PORT];
    # "http://HOST[:PORT]" may receive them without TLS although this host uses https, which otherwise is refused with
    # OCIREG_PROTOCOL
    trusted_realms: Iterable[str] | None
