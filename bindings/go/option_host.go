package ocireg

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

// WithUnixSocket is the path of a local socket through which the host is reached.
func WithUnixSocket(path string) HostOption { return hostOption(set("unix_socket", path)) }

// WithAddress is the "IP" or "IP:PORT" to connect to, whatever the host's name resolves to.
func WithAddress(address string) HostOption { return hostOption(set("address", address)) }
