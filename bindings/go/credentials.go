package ocireg

import "context"

// Credentials are what a host is given: username and password, or an identity token (and username if it is known), or a
// bearer token. Empty ones say that there are none.
type Credentials struct {
	Username      string `json:"username,omitempty"`
	Password      string `json:"password,omitempty"`
	IdentityToken string `json:"identity_token,omitempty"`
	Token         string `json:"token,omitempty"`
}

// CredentialsFunc is asked for the credentials of a registry host. Its context is that of the call. An error ends the call
// with ErrCallback, and is found in that by errors.Is.
type CredentialsFunc func(ctx context.Context, host string) (Credentials, error)
