package registry

import (
	"context"
	"fmt"
	"log"
	"net/url"
	"strings"

	"github.com/ocireg/ocireg/bindings/go"
)

// LogfCallback is called for every call.
type LogfCallback func(format string, args ...interface{})

// Quiet discards its arguments.
func Quiet(format string, args ...interface{}) {}

// Log passes its arguments to package log.
func Log(format string, args ...interface{}) { log.Printf(format, args...) }

// Registry is one registry. New creates one; one that is built by hand needs URL and a Client configured for the host.
type Registry struct {
	// URL is the registry's address, without a trailing slash; it may have a path.
	URL string
	// Client makes the requests. Close it when done, or leave that to the garbage collector.
	Client *ocireg.Client
	// Logf is called for every call; nil is Quiet.
	Logf LogfCallback
}

// New creates a Registry and pings it. Without a user name, all requests are anonymous.
func New(registryURL, username, password string) (*Registry, error) {
	return connect(registryURL, username, password)
}

// NewInsecure is New without verifying TLS.
func NewInsecure(registryURL, username, password string) (*Registry, error) {
	return connect(registryURL, username, password, ocireg.WithInsecure())
}

func connect(registryURL, username, password string, options ...ocireg.HostOption) (*Registry, error) {
	registry := &Registry{URL: strings.TrimSuffix(registryURL, "/"), Logf: Log}
	host, err := registry.host()
	if err != nil {
		return nil, err
	}
	options = append(options, ocireg.WithEndpoint(registry.URL))
	if username != "" || password != "" {
		options = append(options, ocireg.WithPassword(username, password))
	}
	if strings.HasSuffix(strings.SplitN(host, ":", 2)[0], ".docker.io") {
		// Docker Hub's registry and its token server share no domain.
		options = append(options, ocireg.WithTrustedRealms("auth.docker.io"))
	}
	registry.Client, err = ocireg.New(ocireg.WithProxyFromEnvironment(), ocireg.WithHost(host, options...))
	if err != nil {
		return nil, err
	}
	if err := registry.Ping(); err != nil {
		registry.Client.Close()
		return nil, err
	}
	return registry, nil
}

// Ping checks that there is a registry and that it accepts the credentials.
func (r *Registry) Ping() error {
	r.log("ping url=%s/v2/", r.URL)
	host, err := r.host()
	if err != nil {
		return err
	}
	answer, err := r.Client.RegistryPing(context.Background(), host)
	switch {
	case err != nil:
		return failed("Get", err)
	case answer.Status == 401:
		return failed("Get", r.tryCredentials(host, answer))
	case answer.Status != 200:
		return failed("Get", &ocireg.Error{Code: ocireg.ErrNotFound, Message: "there is no registry", HTTPStatus: answer.Status, URL: answer.URL})
	}
	return nil
}

// tryCredentials logs in, if there are credentials. Without, a token server may still issue an anonymous token; Basic
// does not allow that.
func (r *Registry) tryCredentials(host string, answer *ocireg.Ping) error {
	known, err := r.Client.Explain(context.Background(), host+"/a")
	if err != nil {
		return err
	}
	if known.Credentials.Kind == "password" || known.Credentials.Kind == "identity_token" {
		_, err = r.Client.Login(context.Background(), host, ocireg.WithoutStoring())
		return err
	}
	for _, scheme := range answer.Challenges {
		if strings.EqualFold(strings.Fields(scheme + " ")[0], "bearer") {
			return nil
		}
	}
	return &ocireg.Error{Code: ocireg.ErrUnauthenticated, Message: "the registry requires credentials", HTTPStatus: answer.Status, URL: answer.URL}
}

// host is the registry's name in references. It always has a port: a host of one word would be taken for one of Docker
// Hub's repositories.
func (r *Registry) host() (string, error) {
	address, err := url.Parse(r.URL)
	if err != nil || address.Scheme != "http" && address.Scheme != "https" || address.Hostname() == "" {
		shown := r.URL
		if at := strings.LastIndex(shown, "@"); at >= 0 {
			shown = "..." + shown[at:] // without a password
		}
		return "", fmt.Errorf("the registry's URL %q is not an http:// or https:// address", shown)
	}
	port := address.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[address.Scheme]
	}
	name := address.Hostname()
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	return name + ":" + port, nil
}

// reference is REPOSITORY:TAG, REPOSITORY@DIGEST or REPOSITORY of this registry.
func (r *Registry) reference(repository, reference string) (string, error) {
	host, err := r.host()
	switch {
	case err != nil:
		return "", err
	case reference == "":
		return host + "/" + repository, nil
	case strings.Contains(reference, ":"):
		return host + "/" + repository + "@" + reference, nil
	}
	return host + "/" + repository + ":" + reference, nil
}

func (r *Registry) log(format string, args ...interface{}) {
	if r.Logf != nil {
		r.Logf("registry."+format, args...)
	}
}
