package ocireg

// #include "shim.h"
import "C"

import "context"

// Login is what came of trying credentials out.
type Login struct {
	Registry string `json:"registry"`
	// Status is that of the registry's last answer.
	Status int `json:"status"`
	// Auth is "none" (it asks for nothing: then nothing was checked), "basic" or "bearer".
	Auth     string `json:"auth"`
	Username string `json:"username"`
	// IdentityToken tells whether one is kept, and no password.
	IdentityToken bool `json:"identity_token"`
	// StoredIn is the path of the file, or the name of the helper; empty when nothing was kept.
	StoredIn string `json:"stored_in"`
	// Token is the bearer token, a secret; only with WithTokenReturned, and empty where none is used.
	Token string `json:"token"`
}

// Logout is what was removed.
type Logout struct {
	Registry string `json:"registry"`
	// Removed is false when nothing was kept, which is no error.
	Removed bool `json:"removed"`
	// From are the paths of files and the names of helpers that held something.
	From []string `json:"from"`
}

// Login tries credentials out at a registry, HOST[:PORT], and keeps them where Docker's tools do. They are those of the call's
// options, else the host's, else what the WithCredentialsFunc function says. Options: WithPassword, WithIdentityToken,
// WithUsername, WithoutStoring, WithOfflineToken, WithScope, WithTokenReturned, WithCredentialsFile, WithDockerConfig.
func (c *Client) Login(ctx context.Context, registry string, options ...Option) (*Login, error) {
	return ask[Login](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_login(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, registry)
}

// Logout removes what is kept for a registry, HOST[:PORT], from every place that the client's options look into. Options:
// WithCredentialsFile, WithDockerConfig.
func (c *Client) Logout(ctx context.Context, registry string, options ...Option) (*Logout, error) {
	return ask[Logout](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_logout(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, registry)
}
