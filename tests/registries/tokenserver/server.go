package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"time"
)

// server answers GET /token.
type server struct {
	name, service, issuer string
	expiresIn             int
	lifetime              time.Duration
	signer                *signer
	log                   *os.File
}

// entry is a line of the request log.
type entry struct {
	Server  string   `json:"server"`
	Status  int      `json:"status"`
	User    string   `json:"user"`
	Account string   `json:"account"`
	Scopes  []string `json:"scopes"`
	Granted []string `json:"granted"`
}

type answer struct {
	Token       string `json:"token"`
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	IssuedAt    string `json:"issued_at"`
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	line := entry{Server: s.name, Account: query.Get("account"), Scopes: wanted(query["scope"]), Granted: []string{}}
	status, body := s.reply(r, &line)
	line.Status = status
	s.write(line)

	w.Header().Set("Content-Type", "application/json")
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="tokenserver"`)
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// wanted splits the scope parameters: a parameter may occur several times, and contain several scopes separated by
// spaces.
func wanted(values []string) []string {
	scopes := []string{}
	for _, value := range values {
		scopes = append(scopes, strings.Fields(value)...)
	}
	return scopes
}

func (s *server) reply(r *http.Request, line *entry) (int, any) {
	if r.URL.Path != "/token" {
		return failure(http.StatusNotFound, "NOT_FOUND", "tokens are at /token")
	}
	if r.Method != http.MethodGet {
		return failure(http.StatusMethodNotAllowed, "UNSUPPORTED", "only GET is served")
	}
	user, password, basic := r.BasicAuth()
	line.User = user
	if r.Header.Get("Authorization") != "" && (!basic || passwords[user] == "" || passwords[user] != password) {
		return failure(http.StatusUnauthorized, "UNAUTHORIZED", "incorrect username or password")
	}
	if r.URL.Query().Get("service") != s.service {
		return failure(http.StatusBadRequest, "UNSUPPORTED", "unknown service")
	}
	granted := grant(user, line.Scopes)
	for _, item := range granted {
		line.Granted = append(line.Granted, item.String())
	}
	return s.token(user, granted)
}

func (s *server) token(user string, granted []access) (int, any) {
	now := time.Now()
	content, err := newClaims(s.issuer, s.service, user, now, s.lifetime, granted)
	if err != nil {
		return failure(http.StatusInternalServerError, "UNKNOWN", err.Error())
	}
	token, err := s.signer.sign(content)
	if err != nil {
		return failure(http.StatusInternalServerError, "UNKNOWN", err.Error())
	}
	return http.StatusOK, answer{token, token, s.expiresIn, now.UTC().Format(time.RFC3339)}
}

// failure is an error in the format of the registries.
func failure(status int, code, message string) (int, any) {
	type item struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	return status, map[string][]item{"errors": {{code, message}}}
}

func (s *server) write(line entry) {
	if s.log == nil {
		return
	}
	if text, err := json.Marshal(line); err == nil {
		_, _ = s.log.Write(append(text, '\n'))
	}
}
