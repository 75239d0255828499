package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAStartingElasticsearchIsWaitedFor(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	films := &brick{settings: settings{index: map[string]string{"cineges.film.data": "films"}, elasticsearchURL: server.URL}}
	if err := films.requireIndices(context.Background()); err != nil || asked != 2 {
		t.Fatalf("asked %d times: %v", asked, err)
	}
}

func TestAMissingIndexIsFinal(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	films := &brick{settings: settings{index: map[string]string{"cineges.film.data": "films"}, elasticsearchURL: server.URL}}
	if err := films.requireIndices(context.Background()); err == nil || !strings.Contains(err.Error(), "index films must exist") {
		t.Fatal(err)
	}
}
