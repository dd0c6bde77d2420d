package ocireg_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/ocireg/ocireg/bindings/go"
)

func TestNames(t *testing.T) {
	name := must[*ocireg.Reference](t)(ocireg.ReferenceParse("http://localhost:5000/a/b:v1"))
	if name.Registry != (ocireg.RegistryName{Name: "localhost:5000", Host: "localhost:5000", Scheme: "http"}) || name.RemoteName != "a/b" || name.Tag != "v1" || name.Digest != "" {
		t.Errorf("%+v", name)
	}
	name = must[*ocireg.Reference](t)(ocireg.ReferenceParse("mongo", ocireg.WithDefaultRegistry("quay.io")))
	if name.Registry.Name != "quay.io" || name.Official {
		t.Errorf("%+v", name)
	}
	if registry := must[*ocireg.RegistryName](t)(ocireg.IndexParse("")); !registry.Official {
		t.Errorf("%+v", registry)
	}
	place := must[*ocireg.Place](t)(ocireg.EndpointParse("oci:some/folder:v1"))
	if *place != (ocireg.Place{Transport: "oci", Path: "some/folder", Name: "v1"}) {
		t.Errorf("%+v", place)
	}
	for _, bad := range []func() error{
		func() error { _, err := ocireg.ReferenceParse("UPPER"); return err },
		func() error { _, err := ocireg.IndexParse("a b"); return err },
		func() error { _, err := ocireg.EndpointParse("docker://UPPER"); return err },
	} {
		wantCode(t, bad(), ocireg.ErrInvalidReference)
	}
	_, err := ocireg.EndpointParse("oci:")
	wantCode(t, err, ocireg.ErrInvalidReference)
	_, err = ocireg.DigestBytes(nil, ocireg.WithAlgorithm("md5"))
	wantCode(t, err, ocireg.ErrInvalidArgument)
	if digest := must[string](t)(ocireg.DigestBytes(nil, ocireg.WithAlgorithm("sha512"))); !strings.HasPrefix(digest, "sha512:cf83e1357eefb8bd") {
		t.Error(digest)
	}
}

func TestVersion(t *testing.T) {
	header, err := os.ReadFile("../../include/ocireg.h")
	if err != nil {
		t.Skip(err)
	}
	wanted := regexp.MustCompile(`#define OCIREG_VERSION "(.*)"`).FindSubmatch(header)[1]
	if ocireg.Version() != string(wanted) || ocireg.VersionNumber() == 0 {
		t.Errorf("%s, %d instead of %s", ocireg.Version(), ocireg.VersionNumber(), wanted)
	}
}

func TestSchema1(t *testing.T) {
	key := must[string](t)(ocireg.Schema1Key(ocireg.WithKeyFormat("sec1")))
	info := must[*ocireg.Schema1KeyInfo](t)(ocireg.InspectSchema1Key(key))
	if info.KeyType != "EC" || info.Curve != "P-256" || !strings.Contains(info.PublicKey, "PUBLIC KEY") {
		t.Errorf("%+v", info)
	}
	text := []byte(`{"schemaVersion":1,"name":"a/b","tag":"v1","architecture":"amd64","fsLayers":[{"blobSum":"sha256:` +
		strings.Repeat("0", 64) + `"}],"history":[{"v1Compatibility":"{\"id\":\"` + strings.Repeat("1", 64) + `\"}"}]}`)
	signed := must[[]byte](t)(ocireg.Schema1Sign(text, key))
	verified := must[*ocireg.Schema1](t)(ocireg.Schema1Verify(signed, ocireg.WithKeys(info.KeyID)))
	if verified.Name != "a/b" || verified.Tag != "v1" || len(verified.FSLayers) != 1 || len(verified.History) != 1 || len(verified.Signatures) != 1 {
		t.Errorf("%+v", verified)
	}
	if one := verified.Signatures[0]; one.KeyID != info.KeyID || !one.Trusted || one.Algorithm != "ES256" {
		t.Errorf("%+v", one)
	}
	payload := must[[]byte](t)(ocireg.Schema1Payload(signed))
	if digest := must[string](t)(ocireg.DigestBytes(payload)); digest != verified.Digest {
		t.Errorf("%s, %s", digest, verified.Digest)
	}
	_, err := ocireg.Schema1Verify(signed, ocireg.WithKeys(must[*ocireg.Schema1KeyInfo](t)(ocireg.InspectSchema1Key(must[string](t)(ocireg.Schema1Key()))).KeyID))
	wantCode(t, err, ocireg.ErrSignature)
	_, err = ocireg.Schema1Verify(text)
	wantCode(t, err, ocireg.ErrSignature)
	_, err = ocireg.Schema1Sign(text, "no key")
	wantCode(t, err, ocireg.ErrInvalidArgument)
	_, err = ocireg.InspectSchema1Key("no key")
	wantCode(t, err, ocireg.ErrInvalidArgument)
	_, err = ocireg.Schema1Payload([]byte("{}"))
	if err == nil {
		t.Error("a payload of nothing")
	}
	_, err = ocireg.Schema1Key(ocireg.WithKeyFormat("other"))
	wantCode(t, err, ocireg.ErrInvalidArgument)
}
