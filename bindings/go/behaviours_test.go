package ocireg_test

// The behaviours that all bindings share (tests/behaviours), in Go.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ocireg/ocireg/bindings/go"
)

type behaviour struct {
	Name  string
	Hosts map[string]map[string]any
	Steps []*step
}

// step is one step of a behaviour; every known key has a field, and an unknown one fails.
type step struct {
	Do, Reference, Text, Title, Registry, Repository, Source, Destination string

	MediaType     string `json:"media_type"`
	PageSize      int    `json:"page_size"`
	Stream        bool
	DeadlineMS    int `json:"deadline_ms"`
	CancelAfterMS int `json:"cancel_after_ms"`
	CloseAfterMS  int `json:"close_after_ms"`
	Threads       int
	Times         int
	Gives         json.RawMessage
	Contains      []string
	Fails         string
	Says          string
	HTTPStatus    int `json:"http_status"`
	WithinMS      int `json:"within_ms"`
	As            string
}

// names are the values of ${NAME}.
type names map[string]string

func (n names) fill(text string) string {
	for {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			return text
		}
		name, after, _ := strings.Cut(rest, "}")
		value, known := n[name]
		if !known {
			panic("unknown name " + name)
		}
		text = before + value + after
	}
}

// player runs the steps of one behaviour.
type player struct {
	client *ocireg.Client
	names  names
}

// steps are the actions of steps; the result is compared as JSON.
var steps = map[string]func(*player, context.Context, *step) (any, error){
	"parse_reference": func(p *player, _ context.Context, s *step) (any, error) {
		return ocireg.ReferenceParse(p.names.fill(s.Reference))
	},
	"digest": func(p *player, _ context.Context, s *step) (any, error) {
		return ocireg.DigestBytes([]byte(p.names.fill(s.Text)))
	},
	"ping": func(p *player, ctx context.Context, s *step) (any, error) {
		return p.client.RegistryPing(ctx, p.names.fill(s.Registry))
	},
	"repositories": func(p *player, ctx context.Context, s *step) (any, error) {
		return gather(p.client.Repositories(ctx, p.names.fill(s.Registry)))
	},
	"tags":     (*player).tags,
	"put_blob": (*player).putBlob,
	"has_blob": func(p *player, ctx context.Context, s *step) (any, error) {
		return p.client.HasBlob(ctx, p.names.fill(s.Reference))
	},
	"get_blob": (*player).getBlob,
	"delete_blob": func(p *player, ctx context.Context, s *step) (any, error) {
		_, err := p.client.BlobDelete(ctx, p.names.fill(s.Reference))
		return nil, err
	},
	"put_manifest": (*player).putManifest,
	"manifest": func(p *player, ctx context.Context, s *step) (any, error) {
		return p.client.ManifestGet(ctx, p.names.fill(s.Reference))
	},
	"manifest_text": func(p *player, ctx context.Context, s *step) (any, error) {
		manifest, err := p.client.ManifestGet(ctx, p.names.fill(s.Reference))
		if err != nil {
			return nil, err
		}
		return string(manifest.Bytes), nil
	},
	"manifest_digest": func(p *player, ctx context.Context, s *step) (any, error) {
		return p.client.ManifestDigest(ctx, p.names.fill(s.Reference))
	},
	"delete_manifest": func(p *player, ctx context.Context, s *step) (any, error) {
		_, err := p.client.ManifestDelete(ctx, p.names.fill(s.Reference))
		return nil, err
	},
	"copy": func(p *player, ctx context.Context, s *step) (any, error) {
		return p.client.Copy(ctx, p.names.fill(s.Source), p.names.fill(s.Destination))
	},
	"push_artifact": func(p *player, ctx context.Context, s *step) (any, error) {
		return digestOf(p.client.ArtifactPush(ctx, p.names.fill(s.Destination), p.artifact(s)))
	},
	"attach_artifact": func(p *player, ctx context.Context, s *step) (any, error) {
		return digestOf(p.client.ArtifactAttach(ctx, p.names.fill(s.Destination), p.artifact(s)))
	},
	"pull_artifact": func(p *player, ctx context.Context, s *step) (any, error) {
		return p.client.ArtifactPull(ctx, p.names.fill(s.Source), p.names.fill(s.Destination))
	},
	"close": func(p *player, _ context.Context, _ *step) (any, error) { return nil, p.client.Close() },
}

// artifact is the one file of a step.
func (p *player) artifact(s *step) []ocireg.ArtifactFile {
	text, title := p.names.fill(s.Text), p.names.fill(s.Title)
	if s.Stream {
		return []ocireg.ArtifactFile{{Reader: strings.NewReader(text), Title: title}}
	}
	return []ocireg.ArtifactFile{{Data: []byte(text), Title: title}}
}

func digestOf(pushed *ocireg.PushedArtifact, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return pushed.Digest, nil
}

func (p *player) tags(ctx context.Context, s *step) (any, error) {
	var options []ocireg.Option
	if s.PageSize > 0 {
		options = append(options, ocireg.WithPageSize(s.PageSize))
	}
	return gather(p.client.Tags(ctx, p.names.fill(s.Repository), options...))
}

func (p *player) putBlob(ctx context.Context, s *step) (any, error) {
	repository, text := p.names.fill(s.Repository), p.names.fill(s.Text)
	var put *ocireg.BlobPut
	var err error
	if s.Stream {
		put, err = p.client.BlobPutFrom(ctx, repository, "", io.MultiReader(strings.NewReader(text)))
	} else {
		put, err = p.client.BlobPutBytes(ctx, repository, []byte(text))
	}
	if err != nil {
		return nil, err
	}
	return put.Digest, nil
}

func (p *player) getBlob(ctx context.Context, s *step) (any, error) {
	reference := p.names.fill(s.Reference)
	if !s.Stream {
		data, _, err := p.client.BlobGetBytes(ctx, reference)
		return string(data), err
	}
	reader, err := p.client.BlobOpen(ctx, reference)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	data, err := io.ReadAll(reader)
	return string(data), err
}

func (p *player) putManifest(ctx context.Context, s *step) (any, error) {
	put, err := p.client.ManifestPut(ctx, p.names.fill(s.Reference), []byte(p.names.fill(s.Text)), ocireg.WithMediaType(s.MediaType))
	if err != nil {
		return nil, err
	}
	return put.Digest, nil
}

func gather(list iter.Seq2[string, error]) (any, error) {
	gathered := []string{}
	for name, err := range list {
		if err != nil {
			return nil, err
		}
		gathered = append(gathered, name)
	}
	return gathered, nil
}

// take runs a step as described, and keeps its result.
func (p *player) take(s *step) error {
	do, known := steps[s.Do]
	if !known {
		return fmt.Errorf("unknown step: %s", s.Do)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if s.DeadlineMS > 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(s.DeadlineMS)*time.Millisecond)
		defer cancel()
	}
	defer later(s.CancelAfterMS, cancel)()
	defer later(s.CloseAfterMS, func() { p.client.Close() })()
	if s.Threads > 0 {
		return p.crowd(ctx, s, do)
	}
	got, err := p.judge(ctx, s, do)
	if err == nil && s.As != "" {
		p.names[s.As] = got.(string)
	}
	return err
}

// later runs something after a while, unless it is stopped before.
func later(milliseconds int, act func()) func() {
	if milliseconds == 0 {
		return func() {}
	}
	timer := time.AfterFunc(time.Duration(milliseconds)*time.Millisecond, act)
	return func() { timer.Stop() }
}

func (p *player) crowd(ctx context.Context, s *step, do func(*player, context.Context, *step) (any, error)) error {
	var all sync.WaitGroup
	failures := make(chan error, s.Threads)
	for range s.Threads {
		all.Add(1)
		go func() {
			defer all.Done()
			for range max(s.Times, 1) {
				if _, err := p.judge(ctx, s, do); err != nil {
					failures <- err
					return
				}
			}
		}()
	}
	all.Wait()
	close(failures)
	return <-failures
}

// judge runs it once and checks the outcome.
func (p *player) judge(ctx context.Context, s *step, do func(*player, context.Context, *step) (any, error)) (any, error) {
	begun := time.Now()
	got, err := do(p, ctx, s)
	took := time.Since(begun)
	if s.WithinMS > 0 && took > time.Duration(s.WithinMS)*time.Millisecond {
		return nil, fmt.Errorf("it took %v", took)
	}
	if err != nil || s.Fails != "" {
		return nil, p.judgeError(s, got, err)
	}
	return got, p.judgeResult(s, got)
}

func (p *player) judgeError(s *step, got any, err error) error {
	var told *ocireg.Error
	switch {
	case err == nil:
		return fmt.Errorf("it succeeded: %v", got)
	case !errors.As(err, &told):
		return fmt.Errorf("an error of another type: %w", err)
	case told.Code.String() != s.Fails:
		return err
	case !errors.Is(err, told.Code):
		return fmt.Errorf("errors.Is does not find the code of %w", err)
	case !strings.Contains(told.Message, s.Says):
		return fmt.Errorf("part of the message is missing: %w", err)
	case s.HTTPStatus != 0 && s.HTTPStatus != told.HTTPStatus:
		return fmt.Errorf("the HTTP status is %d: %w", told.HTTPStatus, err)
	case s.CancelAfterMS > 0 && !errors.Is(err, context.Canceled):
		return fmt.Errorf("errors.Is does not find context.Canceled: %w", err)
	case s.DeadlineMS > 0 && !errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("errors.Is does not find context.DeadlineExceeded: %w", err)
	}
	return nil
}

func (p *player) judgeResult(s *step, got any) error {
	text, err := json.Marshal(got)
	if err != nil {
		return err
	}
	var plain, wanted any
	if err := json.Unmarshal(text, &plain); err != nil {
		return err
	}
	if s.Gives != nil {
		if err := json.Unmarshal(s.Gives, &wanted); err != nil {
			return err
		}
		if !p.matches(wanted, plain) {
			return fmt.Errorf("it gave %s", text)
		}
	}
	for _, element := range s.Contains {
		if !holds(plain, p.names.fill(element)) {
			return fmt.Errorf("it gave %s", text)
		}
	}
	return nil
}

func holds(list any, wanted string) bool {
	elements, _ := list.([]any)
	for _, element := range elements {
		if element == wanted {
			return true
		}
	}
	return false
}

// matches compares values; of an object only the named members. Go has "" for null.
func (p *player) matches(wanted, got any) bool {
	switch wanted := wanted.(type) {
	case nil:
		return got == nil || got == ""
	case string:
		return got == p.names.fill(wanted)
	case map[string]any:
		object, ok := got.(map[string]any)
		for name, value := range wanted {
			ok = ok && p.matches(value, object[name])
		}
		return ok
	case []any:
		list, ok := got.([]any)
		ok = ok && len(list) == len(wanted)
		for i := range wanted {
			ok = ok && p.matches(wanted[i], list[i])
		}
		return ok
	default:
		return reflect.DeepEqual(wanted, got)
	}
}

// hostOptions converts a host's settings to Go options.
func (p *player) hostOptions(t *testing.T, settings map[string]any) []ocireg.HostOption {
	var options []ocireg.HostOption
	for key, value := range settings {
		switch key {
		case "plain_http":
			options = append(options, ocireg.WithPlainHTTP(value.(bool)))
		case "username":
			options = append(options, ocireg.WithPassword(p.names.fill(value.(string)), p.names.fill(settings["password"].(string))))
		case "password":
		default:
			t.Fatalf("unknown setting: %s", key)
		}
	}
	return options
}

func readBehaviours(t *testing.T) []*behaviour {
	text, err := os.ReadFile("../../tests/behaviours/behaviours.json")
	if err != nil {
		t.Skip(err)
	}
	var all struct{ Behaviours []*behaviour }
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all.Behaviours
}

func TestBehaviours(t *testing.T) {
	all := readBehaviours(t)
	if len(all) < 30 {
		t.Fatalf("only %d behaviours", len(all))
	}
	fixed := names{
		"registry": registry(t, "OCIREG_TEST_V3"), "secured": registry(t, "OCIREG_TEST_HTPASSWD"),
		"token": registry(t, "OCIREG_TEST_TOKEN"), "silent": silentHost(t), "closed": "127.0.0.1:1", "password": "s3cret:with colon",
	}
	for _, one := range all {
		t.Run(one.Name, func(t *testing.T) { play(t, one, fixed) })
	}
}

func play(t *testing.T, one *behaviour, fixed names) {
	all := names{"repository": newRepository(), "folder": t.TempDir()}
	for name, value := range fixed {
		all[name] = value
	}
	p := &player{names: all}
	var hosts []ocireg.ClientOption
	for _, name := range []string{"registry", "secured", "token", "silent", "closed"} {
		hosts = append(hosts, ocireg.WithHost(all[name], ocireg.WithPlainHTTP(true)))
	}
	for host, settings := range one.Hosts {
		hosts = append(hosts, ocireg.WithHost(all.fill(host), p.hostOptions(t, settings)...))
	}
	p.client = newClient(t, hosts...)
	for i, s := range one.Steps {
		if err := p.take(s); err != nil {
			t.Fatalf("step %d, %s: %v", i+1, s.Do, err)
		}
	}
}
