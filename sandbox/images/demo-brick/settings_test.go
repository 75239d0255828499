package main

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func read(env map[string]string) (settings, error) {
	return fromEnvironment(func(key string) string { return env[key] })
}

func TestAllTopicsOfABrickAreRequiredOnce(t *testing.T) {
	s, err := read(map[string]string{"BRICK_CONSUME": "a, b", "BRICK_PRODUCE": "b", "BRICK_FORWARD": "a=c"})
	if err != nil || !reflect.DeepEqual(s.topics(), []string{"a", "b", "c"}) {
		t.Fatal(s.topics(), err)
	}
}

func TestWithoutTopicsThereIsNoKafka(t *testing.T) {
	if s, err := read(nil); err != nil || s.usesKafka() || s.produceEvery != 0 {
		t.Fatal(s, err)
	}
}

func TestBadSettingsAreNamed(t *testing.T) {
	for said, env := range map[string]map[string]string{
		"BRICK_INDEX":                   {"BRICK_CONSUME": "a", "BRICK_INDEX": "a"},
		"BRICK_PRODUCE_EVERY":           {"BRICK_PRODUCE_EVERY": "soon"},
		"neither PLAINTEXT nor":         {"KAFKA_SECURITY_PROTOCOL": "SSL"},
		"KAFKA_SASL_MECHANISM":          {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"},
		"are both needed":               {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_SASL_MECHANISM": "SCRAM-SHA-256"},
		"BRICK_CONSUME lacks z, which ": {"BRICK_CONSUME": "a", "BRICK_FORWARD": "z=a"},
	} {
		if _, err := read(env); err == nil || !strings.Contains(err.Error(), said) {
			t.Errorf("%s: %v", said, err)
		}
	}
}

func TestDurationsAreRead(t *testing.T) {
	if s, _ := read(map[string]string{"BRICK_PRODUCE_EVERY": "5s"}); s.produceEvery != 5*time.Second {
		t.Fatal(s.produceEvery)
	}
}

func TestALoginIsRead(t *testing.T) {
	s, err := read(map[string]string{"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
		"KAFKA_SASL_USERNAME": "web", "KAFKA_SASL_PASSWORD": "p"})
	if err != nil || *s.login != (login{"SCRAM-SHA-512", "web", "p"}) {
		t.Fatal(s.login, err)
	}
}
