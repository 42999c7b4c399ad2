// A small S3 server for the tests: it takes what is signed with a session of the
// role of the machine that it runs on, and nothing else. A machine that may ask without
// a session token has two: the second argument "tokenless" says that it may.
//
// It listens on the address of its first argument, and has one bucket, "bucket".
package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
)

// sessions are those that this machine's role has had, as far as somebody used them.
type sessions struct {
	mu     sync.Mutex
	server *gofakes3.GoFakeS3
	tokens map[string]string // by access key id
}

// learn asks the metadata service which session this machine has now.
func (s *sessions) learn(ctx context.Context) error {
	c, err := ec2rolecreds.New().Retrieve(ctx)
	if err != nil {
		return err
	}
	s.add(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
	if len(os.Args) > 2 && os.Args[2] == "tokenless" {
		return s.learnTokenless(ctx)
	}
	return nil
}

func (s *sessions) add(key, secret, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[key] = token
	s.server.AddAuthKeys(map[string]string{key: secret})
}

// learnTokenless asks as IMDSv1 does.
func (s *sessions) learnTokenless(ctx context.Context) error {
	const roles = "http://169.254.169.254/latest/meta-data/iam/security-credentials/"
	name, err := get(ctx, roles)
	if name == nil || err != nil {
		return err
	}
	text, err := get(ctx, roles+string(name))
	if text == nil || err != nil {
		return err
	}
	var c struct {
		Key    string `json:"AccessKeyId"`
		Secret string `json:"SecretAccessKey"`
		Token  string
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	s.add(c.Key, c.Secret, c.Token)
	return nil
}

// get returns what is at a URL, or nil if that is refused.
func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return nil, nil
	}
	return io.ReadAll(reply.Body)
}

// has says whether token is the session token that belongs to the access key.
func (s *sessions) has(key, token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	want, known := s.tokens[key]
	return known && subtle.ConstantTimeCompare([]byte(want), []byte(token)) == 1
}

// ServeHTTP checks the session token; the server behind it checks the signature.
func (s *sessions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	key, _, _ := strings.Cut(scope, "/")
	token := r.Header.Get("X-Amz-Security-Token")
	if !s.has(key, token) {
		if err := s.learn(r.Context()); err != nil {
			log.Print(err)
		}
	}
	if !s.has(key, token) {
		http.Error(w, "this is no session of this machine's role", http.StatusForbidden)
		return
	}
	s.server.Server().ServeHTTP(w, r)
}

func main() {
	backend := s3mem.New()
	if err := backend.CreateBucket(context.Background(), "bucket"); err != nil {
		log.Fatal(err)
	}
	s := &sessions{server: gofakes3.New(backend), tokens: map[string]string{}}
	// Without any key the server would take everything.
	if err := s.learn(context.Background()); err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	log.Print("the S3 server listens")
	log.Fatal(http.Serve(l, s))
}
