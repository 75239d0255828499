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
