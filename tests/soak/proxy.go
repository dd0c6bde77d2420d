// proxy LISTEN BACKEND PER_MILLE SEED: passes requests on to a registry, and does something wrong with so many of a thousand: a reset
// before or after the registry has had the request, 503, 429, a body that breaks off, a body with a wrong byte, a late answer. Ends with
// SIGTERM, and then says how many of each.
package main

import (
	"fmt"
	"io"
	"log"
	"math/rand"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

type fault int

const (
	none fault = iota
	resetBefore
	resetAfter
	unavailable
	tooMany
	cut
	wrongByte
	late
	faults
)

var names = [faults]string{"passed", "reset before", "reset after", "503", "429", "cut", "wrong byte", "late"}

type proxy struct {
	pass     *httputil.ReverseProxy
	perMille int
	random   func() int
	counts   [faults]atomic.Int64
}

func (p *proxy) choose() fault {
	if p.random()%1000 >= p.perMille {
		return none
	}
	return fault(1 + p.random()%int(faults-1))
}

func (p *proxy) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	chosen := p.choose()
	p.counts[chosen].Add(1)
	switch chosen {
	case resetBefore:
		reset(answer)
	case unavailable:
		answer.WriteHeader(http.StatusServiceUnavailable)
	case tooMany:
		answer.Header().Set("Retry-After", "0")
		answer.WriteHeader(http.StatusTooManyRequests)
	case resetAfter:
		p.pass.ServeHTTP(discarded{http.Header{}}, request)
		reset(answer)
	case late:
		time.Sleep(300 * time.Millisecond)
		p.pass.ServeHTTP(answer, request)
	case cut, wrongByte:
		// Only what has a digest can be told from the right bytes.
		hasDigest := strings.Contains(request.URL.Path, "/blobs/sha256:") || strings.Contains(request.URL.Path, "/manifests/")
		if chosen == wrongByte && !(hasDigest && request.Method == http.MethodGet) {
			p.pass.ServeHTTP(answer, request)
			return
		}
		p.pass.ServeHTTP(&spoiled{ResponseWriter: answer, cut: chosen == cut}, request)
	default:
		p.pass.ServeHTTP(answer, request)
	}
}

// discarded takes what nobody gets.
type discarded struct{ header http.Header }

func (d discarded) Header() http.Header             { return d.header }
func (d discarded) Write(bytes []byte) (int, error) { return len(bytes), nil }
func (d discarded) WriteHeader(int)                 {}

// spoiled breaks off in the middle of the first piece of a body, or changes a byte there.
type spoiled struct {
	http.ResponseWriter
	cut, done bool
}

func (s *spoiled) Write(bytes []byte) (int, error) {
	if s.done || len(bytes) == 0 {
		return s.ResponseWriter.Write(bytes)
	}
	s.done = true
	if s.cut {
		_, _ = s.ResponseWriter.Write(bytes[:len(bytes)/2])
		panic(http.ErrAbortHandler)
	}
	changed := append([]byte(nil), bytes...)
	changed[len(changed)/2] ^= 1
	return s.ResponseWriter.Write(changed)
}

func reset(answer http.ResponseWriter) {
	connection, _, err := http.NewResponseController(answer).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: proxy LISTEN BACKEND PER_MILLE SEED")
	}
	perMille, _ := strconv.Atoi(os.Args[3])
	seed, _ := strconv.ParseInt(os.Args[4], 10, 64)
	numbers := make(chan int, 1024)
	go func() {
		source := rand.New(rand.NewSource(seed))
		for {
			numbers <- source.Int()
		}
	}()
	backend := &url.URL{Scheme: "http", Host: os.Args[2]}
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	p := &proxy{
		pass: &httputil.ReverseProxy{
			// The registry says where its uploads go by the name that it was asked by.
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(backend); r.Out.Host = r.In.Host },
			Transport: transport,
			ErrorLog:  log.New(io.Discard, "", 0),
		},
		perMille: perMille,
		random:   func() int { return <-numbers },
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	go func() { _ = (&http.Server{Handler: p, ErrorLog: log.New(io.Discard, "", 0)}).Serve(listener) }()
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
	for kind, name := range names {
		fmt.Printf("  %s: %d\n", name, p.counts[kind].Load())
	}
}
