package ocireg

import "net/http"

// WithPlainHTTP uses http; false means https, also for a loopback host.
func WithPlainHTTP(plain bool) NetworkOption { return networkOption(set("plain_http", plain)) }

// WithInsecure does not verify TLS.
func WithInsecure() NetworkOption { return networkOption(set("insecure", true)) }

// WithCAFile names PEM files of certificate authorities. For New, a host, and Schema1Verify (one file).
func WithCAFile(paths ...string) AnyOption {
	if len(paths) == 1 {
		return anyOption(set("ca_file", paths[0]))
	}
	return anyOption(set("ca_file", paths))
}

// WithCAOnly trusts those authorities instead of the platform's.
func WithCAOnly() NetworkOption { return networkOption(set("ca_only", true)) }

// WithClientCert names the PEM files of a client certificate with its chain, and of its key; "" when it is in the same
// file.
func WithClientCert(certificate, key string) NetworkOption {
	return networkOption(func(s *settings) {
		s.set("client_cert_file", certificate)
		if key != "" {
			s.set("client_key_file", key)
		}
	})
}

// WithProxy connects through a proxy: "http://", "https://", "socks5://" or "socks5h://", with USER:PASSWORD@ if need
// be; "direct" through none.
func WithProxy(url string) NetworkOption { return networkOption(set("proxy", url)) }

// WithHeaders adds headers to the requests to hosts that the caller names.
func WithHeaders(headers http.Header) NetworkOption {
	var lines []string
	for name, values := range headers {
		for _, value := range values {
			lines = append(lines, name+": "+value)
		}
	}
	return networkOption(add("headers", lines))
}

// WithMaxConnectionsPerHost bounds the concurrent requests to one host; 8 by default.
func WithMaxConnectionsPerHost(count int) NetworkOption {
	return networkOption(set("max_connections_per_host", count))
}

// WithRequestsPerSecond bounds the requests per second to one host; 0, the default, means no limit.
func WithRequestsPerSecond(rate float64) NetworkOption {
	return networkOption(set("requests_per_second", rate))
}

// WithDownloadBytesPerSecond bounds the bytes of bodies that come in a second. For New, that is from all hosts together; for a
// host, from that host and what it redirects to, such as the storage of its blobs. 0, the default, means no limit; transfers share
// it fairly.
func WithDownloadBytesPerSecond(bytes int64) NetworkOption {
	return networkOption(set("download_bytes_per_second", bytes))
}

// WithUploadBytesPerSecond is the same for the bytes that are sent.
func WithUploadBytesPerSecond(bytes int64) NetworkOption {
	return networkOption(set("upload_bytes_per_second", bytes))
}

// WithCredentialsFile reads stored credentials from a file in Docker's or podman's format. For New, Login and Logout.
func WithCredentialsFile(path string) StoreOption { return storeOption(set("credentials_file", path)) }

// WithDockerConfig reads stored credentials from config.json in a folder. For New, Login and Logout.
func WithDockerConfig(folder string) StoreOption { return storeOption(set("docker_config", folder)) }
