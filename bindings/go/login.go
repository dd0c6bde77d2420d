package ocireg

// #include "shim.h"
import "C"

import "context"

// Login is the result of checking credentials.
type Login struct {
	Registry string `json:"registry"`
	// Status is that of the registry's last response.
	Status int `json:"status"`
	// Auth is "none" (the registry asks for no credentials, so nothing was checked), "basic" or "bearer".
	Auth     string `json:"auth"`
	Username string `json:"username"`
	// IdentityToken tells whether an identity token was stored instead of the password.
	IdentityToken bool `json:"identity_token"`
	// StoredIn is the path of the file, or the name of the helper; empty when nothing was stored.
	StoredIn string `json:"stored_in"`
	// Token is the bearer token, a secret; only with WithTokenReturned, and empty where no token is used.
	Token string `json:"token"`
}

// Logout describes what was removed.
type Logout struct {
	Registry string `json:"registry"`
	// Removed is false when nothing was stored, which is not an error.
	Removed bool `json:"removed"`
	// From lists the paths of files and the names of helpers from which something was removed.
	From []string `json:"from"`
}

// Login checks credentials with a registry, HOST[:PORT], and stores them where Docker's tools do. They are those of the
// call's options, otherwise the host's, otherwise those from the WithCredentialsFunc function. Options: WithPassword,
// WithIdentityToken, WithUsername, WithoutStoring, WithOfflineToken, WithScope, WithTokenReturned, WithCredentialsFile,
// WithDockerConfig.
//
// C: ocireg_login.
func (c *Client) Login(ctx context.Context, registry string, options ...Option) (*Login, error) {
	return ask[Login](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_login(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, registry)
}

// Logout removes the stored credentials of a registry, HOST[:PORT], from every place that the client's options name.
// Options: WithCredentialsFile, WithDockerConfig.
//
// C: ocireg_logout.
func (c *Client) Logout(ctx context.Context, registry string, options ...Option) (*Logout, error) {
	return ask[Logout](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_logout(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, registry)
}
