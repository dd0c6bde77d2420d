// Command containerd says what containerd's own resolver makes of the hosts.toml below tests/machine, and compares it with what stands
// in the file "expected" beside them, which a unit test of the library holds the library to.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/log"
)

// What differs on purpose; src/mirrors/hosts_toml.rs says why. The key is the case and the name.
var otherwise = map[string]string{
	"artifactory-containerd grafana/grafana":          "https://docker.io is Docker Hub's registry, not a host of that name",
	"kubespray-mirrors mongo":                         "https://docker.io is Docker Hub's registry, not a host of that name",
	"containerd-http mongo":                           "https://index.docker.io is Docker Hub's registry, not a host of that name",
	"containerd-http plain.example/a":                 "what is http:// is asked by http, and lists of certificates may be in lists",
	"containerd-mutual-tls registry.example:8443/app": "a pair without a key is one file with both, as containerd's manual has it, whose reader fails with it",
}

// A file's name in a hosts.toml.
var named = regexp.MustCompile(`"([^"]+\.(?:pem|crt|cert|key))"`)

// A certificate of its own and its key, as PEM.
func certificate() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	signed, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	both := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})
	return append(both, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}

// A copy of a tree, in which the certificates and keys that it names are there: containerd reads them at once.
func complete(tree, to string) error {
	both, err := certificate()
	if err != nil {
		return err
	}
	if err := os.CopyFS(to, os.DirFS(tree)); err != nil {
		return err
	}
	return filepath.WalkDir(to, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || entry.IsDir():
			return err
		case entry.Name() != "hosts.toml":
			if named.MatchString(`"` + entry.Name() + `"`) {
				return os.WriteFile(path, both, 0o600)
			}
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder := filepath.Dir(path)
		text = []byte(strings.ReplaceAll(string(text), `"/etc/ssl/`, `"`+folder+`/`))
		for _, found := range named.FindAllSubmatch(text, -1) {
			if err := os.WriteFile(filepath.Join(folder, filepath.Base(string(found[1]))), both, 0o600); err != nil {
				return err
			}
		}
		return os.WriteFile(path, text, 0o600)
	})
}

// A reference's registry and repository, as both programs read it.
func split(name string) (host, repository string) {
	first, rest, found := strings.Cut(name, "/")
	if !found || !strings.ContainsAny(first, ".:") && first != "localhost" {
		first, rest = "docker.io", name
	}
	if first == "docker.io" && !strings.Contains(rest, "/") {
		rest = "library/" + rest
	}
	return first, rest
}

func abilities(of docker.HostCapabilities) string {
	var names []string
	for _, one := range []struct {
		capability docker.HostCapabilities
		name       string
	}{{docker.HostCapabilityPull, "digest"}, {docker.HostCapabilityResolve, "tag"}, {docker.HostCapabilityPush, "push"}} {
		if of.Has(one.capability) {
			names = append(names, one.name)
		}
	}
	return strings.Join(names, ",")
}

// What containerd asks for a name, in order.
func theirs(root, name string) ([]string, error) {
	host, repository := split(name)
	options := config.HostOptions{HostDir: config.HostDirFromRoot(root)}
	hosts, err := config.ConfigureHosts(context.Background(), options)(host)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, one := range hosts {
		query := ""
		if one.Host != host && (host != "docker.io" || one.Host != "registry-1.docker.io") {
			query = "?ns=" + host
		}
		lines = append(lines, fmt.Sprintf("%s://%s%s/%s%s %s", one.Scheme, one.Host, one.Path, repository, query, abilities(one.Capabilities)))
	}
	return lines, nil
}

// What is expected of the library, in the same form: without what containerd's resolver does not tell.
func ours(lines []string, name string) []string {
	host, repository := split(name)
	registry := host
	if host == "docker.io" {
		registry = "registry-1.docker.io"
	}
	if len(lines) == 1 && lines[0] == "as usual" {
		lines = []string{"origin " + repository + " digest,tag,push"}
	}
	var plain []string
	for _, line := range lines {
		words := strings.Fields(line)
		if words[0] == "origin" {
			words = []string{fmt.Sprintf("https://%s/v2/%s", registry, words[1]), words[2]}
		}
		// https, and http if it speaks no TLS: that is a matter of containerd's transport.
		plain = append(plain, strings.Replace(words[0], "?://", "https://", 1)+" "+words[1])
	}
	return plain
}

func check(folder string) (compared, wrong int, err error) {
	made, err := os.MkdirTemp("", "hosts")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(made)
	tree := filepath.Join(made, "certs.d")
	if err := complete(filepath.Join(folder, "certs.d"), tree); err != nil {
		return 0, 0, err
	}
	text, err := os.ReadFile(filepath.Join(folder, "expected"))
	if err != nil {
		return 0, 0, err
	}
	var name string
	expected := map[string][]string{}
	var names []string
	for _, line := range strings.Split(string(text), "\n") {
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "  "):
			expected[name] = append(expected[name], strings.TrimSpace(line))
		default:
			name = line
			names = append(names, name)
		}
	}
	for _, name := range names {
		key := filepath.Base(folder) + " " + name
		if _, differs := otherwise[key]; differs {
			continue
		}
		found, err := theirs(tree, name)
		if err != nil {
			return compared, wrong, fmt.Errorf("%s: %w", key, err)
		}
		compared++
		if wanted := ours(expected[name], name); strings.Join(found, "\n") != strings.Join(wanted, "\n") {
			wrong++
			fmt.Printf("%s:\n  containerd: %s\n  we:         %s\n", key, strings.Join(found, "\n              "), strings.Join(wanted, "\n              "))
		}
	}
	return compared, wrong, nil
}

func main() {
	_ = log.SetLevel("fatal")
	trees, err := filepath.Glob(filepath.Join(os.Args[1], "*", "certs.d"))
	compared, wrong := 0, 0
	for _, tree := range trees {
		folder := filepath.Dir(tree)
		if _, other := os.Stat(filepath.Join(folder, "registries.conf")); other == nil || err != nil {
			continue // not containerd's alone
		}
		some, bad, failure := check(folder)
		if failure != nil {
			fmt.Println(failure)
			bad++
		}
		compared, wrong = compared+some, wrong+bad
	}
	fmt.Printf("%d names compared with containerd, %d differ\n", compared, wrong)
	if compared < 25 || wrong > 0 {
		os.Exit(1)
	}
}
