package ocireg

import "encoding/json"

// WithPassword is a user's name and password. For a host, Login and V1Login.
func WithPassword(username, password string) LoginOption {
	return loginOption(func(s *settings) {
		s.set("username", username)
		s.set("password", password)
	})
}

// WithIdentityToken is a refresh token for the host's token server. For a host and Login.
func WithIdentityToken(token string) LoginOption { return loginOption(set("identity_token", token)) }

// WithUsername is the user name that belongs to an identity token. For a host and Login.
func WithUsername(username string) LoginOption { return loginOption(set("username", username)) }

// WithToken is a bearer token, used as it is.
func WithToken(token string) HostOption { return hostOption(set("token", token)) }

// WithAnonymous never sends credentials to the host.
func WithAnonymous() HostOption { return hostOption(set("anonymous", true)) }

// WithEndpoint is the scheme, host, port and path prefix of the host's API: "https://h/dockerproxy".
func WithEndpoint(url string) HostOption { return hostOption(set("endpoint", url)) }

// WithTrustedRealms names hosts that may receive this host's credentials as its token server, besides those of its own
// domain: "HOST[:PORT]"; "http://HOST[:PORT]" may receive them without TLS, although this host uses https.
func WithTrustedRealms(hosts ...string) HostOption {
	return hostOption(add("trusted_realms", hosts))
}

// WithMirrors says where else to get what is there, before the host is asked itself, in this order:
// "[SCHEME://]HOST[:PORT][/PREFIX]", where PREFIX is put before the repository's name. A mirror is a host of its own, with
// credentials and settings of its own, and gets nothing of this host's.
func WithMirrors(endpoints ...string) HostOption { return hostOption(add("mirrors", endpoints)) }

// Mirror is a mirror with all that can be said of it.
type Mirror struct {
	// Endpoint is as in WithMirrors.
	Endpoint string `json:"endpoint"`
	// ByDigestOnly is set for one that is not asked for tags.
	ByDigestOnly bool `json:"by_digest_only"`
	// Push is set for one that takes what is written.
	Push bool `json:"push"`
	// Namespace is set for a proxy of several registries, which is told which one is meant by the query ns.
	Namespace bool `json:"namespace"`
}

// WithMirror adds one to those of WithMirrors.
func WithMirror(mirror Mirror) HostOption {
	text, _ := json.Marshal(mirror) // strings and booleans
	return hostOption(add("mirrors", []string{string(text)}))
}

// WithMirrorsOnly asks only the mirrors: no request is sent to the host itself, and none is led to it by others.
func WithMirrorsOnly() HostOption { return hostOption(set("mirrors_only", true)) }

// WithUnixSocket is the path of a local socket through which the host is reached.
func WithUnixSocket(path string) HostOption { return hostOption(set("unix_socket", path)) }

// WithAddress is the "IP" or "IP:PORT" to connect to, whatever the host's name resolves to.
func WithAddress(address string) HostOption { return hostOption(set("address", address)) }
