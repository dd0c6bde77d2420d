package ocireg

import (
	"log/slog"
	"time"
)

// WithUserAgent names the calling program, instead of "ocireg/VERSION".
func WithUserAgent(agent string) ClientOption { return clientOption(set("user_agent", agent)) }

// WithConnectTimeout bounds name, TCP and TLS together; 10 s by default.
func WithConnectTimeout(limit time.Duration) ClientOption {
	return clientOption(set("connect_timeout_ms", milliseconds(limit)))
}

// WithIdleTimeout bounds the time without a byte; 30 s by default.
func WithIdleTimeout(limit time.Duration) ClientOption {
	return clientOption(set("idle_timeout_ms", milliseconds(limit)))
}

// WithMinSpeed is the least bytes per second at which a response body may arrive, measured over the idle timeout; 0 is
// no minimum. By default 1024, measured over 30 s or the idle timeout, whichever is longer.
func WithMinSpeed(bytesPerSecond int64) ClientOption {
	return clientOption(set("min_speed", bytesPerSecond))
}

// WithAnswerTimeout bounds the time from the end of an upload to its response; 300 s by default.
func WithAnswerTimeout(limit time.Duration) ClientOption {
	return clientOption(set("answer_timeout_ms", milliseconds(limit)))
}

// WithRetries says how often a request is repeated after its first try; 4 by default.
func WithRetries(count int) ClientOption { return clientOption(set("retries", count)) }

// WithMaxRedirects bounds the redirects of one request; 10 by default.
func WithMaxRedirects(count int) ClientOption { return clientOption(set("max_redirects", count)) }

// WithMaxManifestBytes bounds a manifest; 4 MiB by default, at most 32 MiB.
func WithMaxManifestBytes(size int64) ClientOption {
	return clientOption(set("max_manifest_bytes", size))
}

// WithMaxListBytes bounds one page of a list; 32 MiB by default.
func WithMaxListBytes(size int64) ClientOption { return clientOption(set("max_list_bytes", size)) }

// WithCertsDir names folders in Docker's format: DIR/HOST[:PORT]/ with *.crt, NAME.cert and NAME.key.
func WithCertsDir(folders ...string) ClientOption { return clientOption(add("certs_dir", folders)) }

// WithUsualCertsDirs also uses the usual ones: certs.d of containers and docker, the user's and the machine's.
func WithUsualCertsDirs() ClientOption { return clientOption(set("certs_d", true)) }

// WithRegistriesConf reads mirrors and insecure and blocked registries from a file in the format of containers-registries.conf(5).
func WithRegistriesConf(path string) ClientOption { return clientOption(set("registries_conf", path)) }

// WithRegistriesConfDir merges the *.conf of folders over it, in the order of their names.
func WithRegistriesConfDir(folders ...string) ClientOption {
	return clientOption(add("registries_conf_dir", folders))
}

// WithRegistriesD names folders in the format of containers-registries.d(5), which say where the signatures of images are: Explain
// shows it.
func WithRegistriesD(folders ...string) ClientOption {
	return clientOption(add("registries_d", folders))
}

// WithContainersRegistries also reads what podman and skopeo read on this machine: the user's and the machine's registries.conf and
// registries.conf.d, or the file that CONTAINERS_REGISTRIES_CONF names, and registries.d.
func WithContainersRegistries() ClientOption { return clientOption(set("containers_registries", true)) }

// WithContainerdCertsDir names folders in containerd's format: DIR/HOST[:PORT]/hosts.toml.
func WithContainerdCertsDir(folders ...string) ClientOption {
	return clientOption(add("containerd_certs_dir", folders))
}

// WithK3sRegistries reads a file like k3s's registries.yaml.
func WithK3sRegistries(path string) ClientOption { return clientOption(set("k3s_registries", path)) }

// WithDockerDaemonJSON reads the mirrors and insecure registries of a file like Docker's daemon.json.
func WithDockerDaemonJSON(path string) ClientOption {
	return clientOption(set("docker_daemon_json", path))
}

// WithShortNames says what a name without a registry is: "docker.io", one of Docker Hub, or "files", what the aliases and the
// unqualified-search-registries of registries.conf say; where there are several registries it is ErrInvalidReference, which lists
// what the name may be.
func WithShortNames(where string) ClientOption { return clientOption(set("short_names", where)) }

// WithNoProxy names the hosts that are reached without the proxy, in the form of Go's NO_PROXY.
func WithNoProxy(hosts ...string) ClientOption { return clientOption(add("no_proxy", hosts)) }

// WithProxyFromEnvironment reads HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY now.
func WithProxyFromEnvironment() ClientOption {
	return clientOption(set("proxy_from_environment", true))
}

// WithTemporaryDir is the folder for the layers of v1 images, which have to be read before the image can be described;
// /var/tmp by default.
func WithTemporaryDir(folder string) ClientOption { return clientOption(set("temporary_dir", folder)) }

// WithMaxTemporaryBytes is the most that one call may store there; 64 GiB by default.
func WithMaxTemporaryBytes(size int64) ClientOption {
	return clientOption(set("max_temporary_bytes", size))
}

// WithBlobInfoCache names a file in which processes remember which repositories have which blobs, made if it is missing: a copy to a
// registry mounts what another repository of it had. It holds hints only and no secrets, 4 MiB at most; a file that others may read or
// write is not used, which is a warning.
func WithBlobInfoCache(file string) ClientOption { return clientOption(set("blob_info_cache", file)) }

// WithStoredCredentials uses the credentials that docker login and podman login have stored, including helpers.
func WithStoredCredentials() ClientOption { return clientOption(set("stored_credentials", true)) }

// WithForeignCredentials also uses files of another user, and files that others can write to.
func WithForeignCredentials() ClientOption { return clientOption(set("foreign_credentials", true)) }

// WithMaxBlobBytes is the largest blob or layer accepted; by default any whose size is known, and 8 GiB where it is
// unknown.
func WithMaxBlobBytes(size int64) ClientOption { return clientOption(set("max_blob_bytes", size)) }

// WithHelperTimeout bounds one run of a credential helper; 60 s by default.
func WithHelperTimeout(limit time.Duration) ClientOption {
	return clientOption(set("helper_timeout_ms", milliseconds(limit)))
}

// WithHelperPath says where credential helpers are, with ':' between folders, instead of PATH.
func WithHelperPath(path string) ClientOption { return clientOption(set("helper_path", path)) }

// WithLogger logs requests and responses as Debug, retries as Info, servers' warnings as Warn.
// Credentials and tokens are replaced by "<redacted>". nil logs nothing.
func WithLogger(logger *slog.Logger) ClientOption {
	return clientOption(func(s *settings) { s.logger = logger })
}

// WithCredentialsFunc calls the function for the credentials of hosts whose options contain none, once for each host,
// and again after they were refused. nil asks nobody.
func WithCredentialsFunc(ask CredentialsFunc) ClientOption {
	return clientOption(func(s *settings) { s.credentials = ask })
}

// WithHost sets what belongs to one registry host, HOST[:PORT], as Client.SetHost does.
func WithHost(host string, options ...HostOption) ClientOption {
	return clientOption(func(s *settings) { s.hosts = append(s.hosts, namedHost{host, options}) })
}

// milliseconds rounds up, so that no duration becomes zero. Even the longest duration cannot overflow.
func milliseconds(limit time.Duration) int64 {
	whole := int64(limit / time.Millisecond)
	if limit%time.Millisecond > 0 {
		whole++
	}
	return whole
}
