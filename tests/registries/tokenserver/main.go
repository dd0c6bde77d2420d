// Tokenserver is a small token server for the tests: it signs the JWTs that a registry of the distribution project accepts
// (https://distribution.github.io/distribution/spec/auth/token/). Standard library only.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	var s server
	var keyFile, certFile, tlsKey, tlsCert, logFile string
	var refusedAfter int
	flag.StringVar(&s.name, "name", "token", "name of this server in the request log")
	flag.StringVar(&s.service, "service", "ocireg-test", "the one service (audience) tokens are given for")
	flag.StringVar(&s.issuer, "issuer", "ocireg-test-issuer", "issuer of the tokens")
	flag.IntVar(&s.expiresIn, "expires-in", 300, "seconds said in expires_in")
	flag.IntVar(&refusedAfter, "refused-after", 0, "seconds after which the registry refuses the token; 0 means as expires_in says")
	flag.StringVar(&keyFile, "key", "", "PEM file of the P-256 signing key")
	flag.StringVar(&certFile, "cert", "", "PEM file of the signing certificate, which the registry trusts")
	flag.StringVar(&tlsKey, "tls-key", "", "PEM key; with -tls-cert the server speaks TLS")
	flag.StringVar(&tlsCert, "tls-cert", "", "PEM certificate")
	flag.StringVar(&logFile, "log", "", "file that gets one JSON line a request")
	flag.Parse()

	s.lifetime = lifetime(s.expiresIn, refusedAfter)
	if err := run(&s, keyFile, certFile, tlsKey, tlsCert, logFile); err != nil {
		fmt.Fprintln(os.Stderr, "tokenserver:", err)
		os.Exit(1)
	}
}

// leeway is what distribution adds to a token's exp before it refuses it (registry/auth/token/token.go).
const leeway = 60 * time.Second

// lifetime returns the distance of exp from now. To be refused after a few seconds, a token's exp must already be
// almost a leeway in the past: the response's expires_in then promises more than the registry grants, which is the
// point of the test.
func lifetime(expiresIn, refusedAfter int) time.Duration {
	if refusedAfter == 0 {
		return time.Duration(expiresIn) * time.Second
	}
	return time.Duration(refusedAfter)*time.Second - leeway
}

func run(s *server, keyFile, certFile, tlsKey, tlsCert, logFile string) error {
	var err error
	if s.signer, err = loadSigner(certFile, keyFile); err != nil {
		return err
	}
	if logFile != "" {
		// Several servers append to one file; each line is one write.
		s.log, err = os.OpenFile(logFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	// The same words as the registries print, so one rule finds the port of each.
	fmt.Println("listening on", listener.Addr())
	web := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(os.Stdout, "", 0)}
	if tlsCert != "" {
		return web.ServeTLS(listener, tlsCert, tlsKey)
	}
	return web.Serve(listener)
}
