package ocireg

import "context"

// Credentials are those for one host: username and password, or an identity token (and the username if known), or a
// bearer token. Empty ones mean that there are none.
type Credentials struct {
	Username      string `json:"username,omitempty"`
	Password      string `json:"password,omitempty"`
	IdentityToken string `json:"identity_token,omitempty"`
	Token         string `json:"token,omitempty"`
}

// CredentialsFunc returns the credentials for a registry host. Its context is that of the call. An error ends the call
// with ErrCallback, in which errors.Is finds it.
type CredentialsFunc func(ctx context.Context, host string) (Credentials, error)
