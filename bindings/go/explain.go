package ocireg

// #include "shim.h"
import "C"

import "context"

// Explanation is what a call for a reference would use. It contains no secrets.
type Explanation struct {
	Reference  string `json:"reference"`
	Host       string `json:"host"`
	Repository string `json:"repository"`
	// Endpoint is the URL of the API.
	Endpoint string `json:"endpoint"`
	// SchemeSource says what decided the scheme: "endpoint", "host options", "reference", "client options", "default" or
	// "probe".
	SchemeSource  string               `json:"scheme_source"`
	Anonymous     bool                 `json:"anonymous"`
	Credentials   ExplainedCredentials `json:"credentials"`
	TrustedRealms []string             `json:"trusted_realms"`
	Network       ExplainedNetwork     `json:"network"`
	// Endpoints are those that are asked, in this order.
	Endpoints []ExplainedEndpoint `json:"endpoints"`
	// ShortName is what the machine's registries.conf makes of the name without its registry; nil for other registries than
	// Docker Hub, and without such a file.
	ShortName *ExplainedShortName `json:"short_name"`
	// Signatures is what the machine's registries.d says of the image's signatures; nil if it says nothing.
	Signatures *ExplainedSignatures `json:"signatures"`
}

// ExplainedSignatures says where the signatures of an image are: the machine's registries.d, with the files and lines.
type ExplainedSignatures struct {
	// Lookaside is the URL below which signatures of simple signing are, and LookasideStaging the one below which they are
	// written.
	Lookaside              string `json:"lookaside"`
	LookasideSource        string `json:"lookaside_source"`
	LookasideStaging       string `json:"lookaside_staging"`
	LookasideStagingSource string `json:"lookaside_staging_source"`
	// UseSigstoreAttachments is whether sigstore's signatures are beside the image in its repository.
	UseSigstoreAttachments       bool   `json:"use_sigstore_attachments"`
	UseSigstoreAttachmentsSource string `json:"use_sigstore_attachments_source"`
}

// ExplainedShortName is what the machine's registries.conf makes of a name without registry.
type ExplainedShortName struct {
	Name string `json:"name"`
	// StandsFor is the name in full, empty if it stands for none or for several, and Source the file and line that says so.
	StandsFor string `json:"stands_for"`
	Source    string `json:"source"`
	// Registries are those that are searched for names without an alias, in order.
	Registries []string `json:"registries"`
	// Mode is "enforcing", "permissive" or "disabled".
	Mode string `json:"mode"`
}

// ExplainedEndpoint is one place that is asked for a repository: the registry itself or a mirror.
type ExplainedEndpoint struct {
	// URL is that of the API.
	URL        string `json:"url"`
	Host       string `json:"host"`
	Repository string `json:"repository"`
	// AskedFor is what it is asked for: "digest", "tag" and "push".
	AskedFor []string `json:"asked_for"`
	// Blocked is the file and line that forbids to ask it; empty if it may be asked.
	Blocked string `json:"blocked"`
	// PassedOverSeconds is for how much longer it comes after the others, and PassedOverReason is why.
	PassedOverSeconds int64                `json:"passed_over_seconds"`
	PassedOverReason  string               `json:"passed_over_reason"`
	Anonymous         bool                 `json:"anonymous"`
	Credentials       ExplainedCredentials `json:"credentials"`
	Headers           []string             `json:"headers"`
	Network           ExplainedNetwork     `json:"network"`
	// Source is the option, or the file and line, that says so.
	Source string `json:"source"`
}

// ExplainedCredentials says which credentials would be used, and where they come from.
type ExplainedCredentials struct {
	// Kind is "none", "password", "token" or "identity_token".
	Kind     string `json:"kind"`
	Username string `json:"username"`
	// Source is "host options", "callback", "file", "environment", "helper", "rule" or empty.
	Source   string `json:"source"`
	Path     string `json:"path"`
	Variable string `json:"variable"`
	Key      string `json:"key"`
	Helper   string `json:"helper"`
}

// ExplainedNetwork says how the host would be reached.
type ExplainedNetwork struct {
	Insecure              bool     `json:"insecure"`
	CAFiles               []string `json:"ca_files"`
	CAOnly                bool     `json:"ca_only"`
	ClientCertFile        string   `json:"client_cert_file"`
	ClientKeyFile         string   `json:"client_key_file"`
	Proxy                 string   `json:"proxy"`
	UnixSocket            string   `json:"unix_socket"`
	Address               string   `json:"address"`
	Headers               []string `json:"headers"`
	MaxConnectionsPerHost int      `json:"max_connections_per_host"`
	RequestsPerSecond     float64  `json:"requests_per_second"`
	// The bytes of this host alone; 0 means no limit.
	DownloadBytesPerSecond int64 `json:"download_bytes_per_second"`
	UploadBytesPerSecond   int64 `json:"upload_bytes_per_second"`
}

// Explain says what a call for a reference, [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST], would use: where it would go, with
// which credentials, and where those come from. Nothing is sent.
//
// C: ocireg_explain.
func (c *Client) Explain(ctx context.Context, reference string, options ...Option) (*Explanation, error) {
	return ask[Explanation](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_explain(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, reference)
}
