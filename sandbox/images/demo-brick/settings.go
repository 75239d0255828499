package main

import (
	"fmt"
	"strings"
	"time"
)

// settings is the environment of a brick, read once.
type settings struct {
	name, listen     string
	bootstrapServers []string
	elasticsearchURL string
	group            string
	consume, produce []string
	index, forward   map[string]string // topic -> index, topic -> topic
	produceEvery     time.Duration
	runOnce          bool
	table            string
	expectDatabase   bool
	readsDatabase    bool // its role may write nothing there
	login            *login // nil where the brokers ask for none
}

// login is who the brick is to brokers that ask.
type login struct{ mechanism, user, password string }

func fromEnvironment(get func(string) string) (settings, error) {
	or := func(key, value string) string {
		if v := get(key); v != "" {
			return v
		}
		return value
	}
	s := settings{
		name:             or("BRICK_NAME", "demo-brick"),
		listen:           or("BRICK_LISTEN", ":8080"),
		bootstrapServers: list(or("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")),
		elasticsearchURL: strings.TrimRight(or("ELASTICSEARCH_URL", "http://es:9200"), "/"),
		consume:          list(get("BRICK_CONSUME")),
		produce:          list(get("BRICK_PRODUCE")),
		runOnce:          get("BRICK_RUN_ONCE") == "true",
		table:            get("BRICK_TABLE"),
		expectDatabase:   get("BRICK_EXPECT_DATABASE") == "true",
		readsDatabase:    get("BRICK_EXPECT_DATABASE") == "read",
	}
	s.group = or("BRICK_GROUP", s.name)
	var err error
	if s.login, err = loginFrom(get); err != nil {
		return s, err
	}
	if s.index, err = pairs("BRICK_INDEX", get("BRICK_INDEX")); err != nil {
		return s, err
	}
	if s.forward, err = pairs("BRICK_FORWARD", get("BRICK_FORWARD")); err != nil {
		return s, err
	}
	if s.produceEvery, err = time.ParseDuration(or("BRICK_PRODUCE_EVERY", "0s")); err != nil {
		return s, fmt.Errorf("BRICK_PRODUCE_EVERY: %w", err)
	}
	consumed := map[string]bool{}
	for _, topic := range s.consume {
		consumed[topic] = true
	}
	for _, from := range []map[string]string{s.index, s.forward} {
		for topic := range from {
			if !consumed[topic] {
				return s, fmt.Errorf("BRICK_CONSUME lacks %s, which BRICK_INDEX or BRICK_FORWARD reads", topic)
			}
		}
	}
	return s, nil
}

func loginFrom(get func(string) string) (*login, error) {
	switch protocol := get("KAFKA_SECURITY_PROTOCOL"); protocol {
	case "", "PLAINTEXT":
		return nil, nil
	case "SASL_PLAINTEXT":
	default:
		return nil, fmt.Errorf("KAFKA_SECURITY_PROTOCOL: %q is neither PLAINTEXT nor SASL_PLAINTEXT", protocol)
	}
	l := &login{get("KAFKA_SASL_MECHANISM"), get("KAFKA_SASL_USERNAME"), get("KAFKA_SASL_PASSWORD")}
	if l.mechanism != "SCRAM-SHA-256" && l.mechanism != "SCRAM-SHA-512" {
		return nil, fmt.Errorf("KAFKA_SASL_MECHANISM: %q is neither SCRAM-SHA-256 nor SCRAM-SHA-512", l.mechanism)
	}
	if l.user == "" || l.password == "" {
		return nil, fmt.Errorf("KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD are both needed")
	}
	return l, nil
}

func (s settings) usesKafka() bool { return len(s.topics()) > 0 }

// topics are all that the brick names; each must exist before it starts.
func (s settings) topics() []string {
	seen := map[string]bool{}
	var all []string
	for _, topic := range append(append([]string{}, s.consume...), s.produce...) {
		if !seen[topic] {
			seen[topic] = true
			all = append(all, topic)
		}
	}
	for _, topic := range s.forward {
		if !seen[topic] {
			seen[topic] = true
			all = append(all, topic)
		}
	}
	return all
}

func list(text string) []string {
	var items []string
	for _, item := range strings.Split(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func pairs(key, text string) (map[string]string, error) {
	found := map[string]string{}
	for _, item := range list(text) {
		from, to, ok := strings.Cut(item, "=")
		if !ok || from == "" || to == "" {
			return nil, fmt.Errorf("%s: %q is not topic=name", key, item)
		}
		found[from] = to
	}
	return found, nil
}
