package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const kept = 50

// record is what /seen shows of a message.
type record struct {
	Key       string          `json:"key"`
	Value     json.RawMessage `json:"value"`
	Partition int32           `json:"partition"`
	Offset    int64           `json:"offset"`
	Timestamp time.Time       `json:"timestamp"`
}

type topicSeen struct {
	Count int64    `json:"count"`
	Last  []record `json:"last"`
}

// seen counts every record of a topic and keeps the last ones.
type seen struct {
	mu     sync.Mutex
	topics map[string]*topicSeen
}

func newSeen() *seen { return &seen{topics: map[string]*topicSeen{}} }

func (s *seen) add(r *kgo.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	topic := s.topics[r.Topic]
	if topic == nil {
		topic = &topicSeen{}
		s.topics[r.Topic] = topic
	}
	value := json.RawMessage(r.Value)
	if !json.Valid(value) {
		value, _ = json.Marshal(string(r.Value))
	}
	topic.Count++
	topic.Last = append(topic.Last, record{string(r.Key), value, r.Partition, r.Offset, r.Timestamp})
	if len(topic.Last) > kept {
		topic.Last = topic.Last[len(topic.Last)-kept:]
	}
}

func (b *brick) serve() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if !b.ready.Load() {
			answer(w, http.StatusServiceUnavailable, "not connected yet")
			return
		}
		answer(w, http.StatusOK, "ready")
	})
	mux.HandleFunc("GET /seen", func(w http.ResponseWriter, _ *http.Request) {
		b.seen.mu.Lock()
		defer b.seen.mu.Unlock()
		answer(w, http.StatusOK, b.seen.topics)
	})
	mux.HandleFunc("POST /produce/{topic}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			answer(w, http.StatusBadRequest, err.Error())
			return
		}
		sent, err := b.send(r.Context(), r.PathValue("topic"), r.URL.Query().Get("key"), body)
		if err != nil {
			slog.Warn("produce", "topic", r.PathValue("topic"), "error", err.Error())
			answer(w, http.StatusBadGateway, err.Error())
			return
		}
		answer(w, http.StatusOK, map[string]any{"topic": sent.Topic, "partition": sent.Partition, "offset": sent.Offset})
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		s := b.settings
		answer(w, http.StatusOK, map[string]any{
			"name": s.name, "version": version, "uptime": time.Since(b.started).String(),
			"consume": s.consume, "produce": s.produce, "index": s.index, "forward": s.forward,
		})
	})
	slog.Info("listening", "address", b.settings.listen)
	server := http.Server{Addr: b.settings.listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	slog.Error("http", "error", server.ListenAndServe().Error())
	os.Exit(1)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		slog.Warn("answer", "error", err.Error())
	}
}
