package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// brick is one running stand-in.
type brick struct {
	settings settings
	started  time.Time
	ready    atomic.Bool
	kafka    *kgo.Client
	seen     *seen
	client   http.Client
}

func (b *brick) connectKafka(ctx context.Context) error {
	options := []kgo.Opt{
		kgo.SeedBrokers(b.settings.bootstrapServers...),
		kgo.ClientID(b.settings.name),
		kgo.ProducerLinger(0),
	}
	if l := b.settings.login; l != nil {
		options = append(options, kgo.SASL(l.sasl()))
	}
	if len(b.settings.consume) > 0 {
		options = append(options,
			kgo.ConsumerGroup(b.settings.group),
			kgo.ConsumeTopics(b.settings.consume...),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
			kgo.FetchMaxWait(500*time.Millisecond),
		)
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	b.kafka = client
	within, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	err = patiently(within, func() (bool, error) {
		err := client.Ping(within)
		return errors.Is(err, kerr.SaslAuthenticationFailed), err
	})
	if err != nil {
		return fmt.Errorf("kafka %v: %w", b.settings.bootstrapServers, err)
	}
	found, err := kadm.NewClient(client).ListTopics(within, b.settings.topics()...)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	var missing []string
	for _, topic := range b.settings.topics() {
		if detail, ok := found[topic]; !ok || detail.Err != nil {
			missing = append(missing, topic)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("topics that must exist before this brick starts are missing: %s", strings.Join(missing, ", "))
	}
	return nil
}

func (l login) sasl() sasl.Mechanism {
	auth := scram.Auth{User: l.user, Pass: l.password}
	if l.mechanism == "SCRAM-SHA-256" {
		return auth.AsSha256Mechanism()
	}
	return auth.AsSha512Mechanism()
}

// requireIndices waits for an Elasticsearch that is starting, as the other servers are waited for; a missing index is final, since
// the program orders indices before bricks.
func (b *brick) requireIndices(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for _, index := range b.settings.index {
		if err := b.requireIndex(within, index); err != nil {
			return fmt.Errorf("index %s must exist before this brick starts: %w", index, err)
		}
	}
	return nil
}

func (b *brick) requireIndex(ctx context.Context, index string) error {
	return patiently(ctx, func() (bool, error) {
		status, body, err := b.elasticsearch(ctx, http.MethodGet, "/"+url.PathEscape(index), nil)
		if err == nil && status != http.StatusOK {
			return status != http.StatusServiceUnavailable, fmt.Errorf("%d %.200s", status, body)
		}
		return false, err
	})
}

// patiently tries each second until it succeeds, says that its error is final, or ctx ends: nothing orders a brick after the
// servers when a cluster starts again.
func patiently(ctx context.Context, try func() (final bool, err error)) error {
	for {
		final, err := try()
		if err == nil || final {
			return err
		}
		slog.Warn("waiting", "error", err.Error())
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}

func (b *brick) elasticsearch(ctx context.Context, method, path string, body []byte) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, b.settings.elasticsearchURL+path, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := b.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// visit proves that the database answers: one row for each start, or nothing but a login where the role only reads. The PG*
// variables say where it is.
func (b *brick) visit(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	connection, err := connect(within)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "3D000" && !b.settings.readsDatabase { // no such database: Odoo makes its own, so does its stand-in
		if err = createDatabase(within); err == nil {
			connection, err = pgx.Connect(within, "")
		}
	}
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	defer connection.Close(within)
	if b.settings.readsDatabase {
		return connection.Ping(within)
	}
	if _, err := connection.Exec(within, "create table if not exists brick_visits (name text, at timestamptz default now())"); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	_, err = connection.Exec(within, "insert into brick_visits (name) values ($1)", b.settings.name)
	return err
}

// connect waits for a server that is not there yet; a server's own refusal is final, unless it says that it is starting.
func connect(ctx context.Context) (connection *pgx.Conn, err error) {
	err = patiently(ctx, func() (bool, error) {
		connection, err = pgx.Connect(ctx, "")
		var refused *pgconn.PgError
		return errors.As(err, &refused) && refused.Code != "57P03", err
	})
	return connection, err
}

func createDatabase(ctx context.Context) error {
	config, err := pgx.ParseConfig("")
	if err != nil {
		return err
	}
	wanted := config.Database
	config.Database = "postgres"
	connection, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	_, err = connection.Exec(ctx, "create database "+pgx.Identifier{wanted}.Sanitize())
	return err
}

func (b *brick) send(ctx context.Context, topic, key string, value []byte) (*kgo.Record, error) {
	if b.kafka == nil {
		return nil, fmt.Errorf("this brick has no topics")
	}
	record := &kgo.Record{Topic: topic, Key: []byte(key), Value: value}
	return record, b.kafka.ProduceSync(ctx, record).FirstErr()
}

// poll consumes until ctx ends: keeps what it saw, forwards, indexes, then commits.
func (b *brick) poll(ctx context.Context) error {
	for {
		fetches := b.kafka.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		fetches.EachError(func(topic string, partition int32, err error) {
			slog.Warn("fetch", "topic", topic, "partition", partition, "error", err.Error())
		})
		var failed error
		fetches.EachRecord(func(r *kgo.Record) {
			if failed == nil {
				failed = b.handle(ctx, r)
			}
		})
		if failed != nil {
			return failed
		}
	}
}

func (b *brick) handle(ctx context.Context, r *kgo.Record) error {
	b.seen.add(r)
	if to, ok := b.settings.forward[r.Topic]; ok {
		if _, err := b.send(ctx, to, string(r.Key), r.Value); err != nil {
			return fmt.Errorf("forward %s to %s: %w", r.Topic, to, err)
		}
	}
	if index, ok := b.settings.index[r.Topic]; ok {
		path := fmt.Sprintf("/%s/_doc/%s", url.PathEscape(index), url.PathEscape(string(r.Key)))
		status, body, err := b.elasticsearch(ctx, http.MethodPut, path, r.Value)
		if err != nil {
			return fmt.Errorf("index %s: %w", index, err)
		}
		if status >= 500 {
			return fmt.Errorf("index %s: %d %.200s", index, status, body)
		}
		if status >= 400 { // a document that the mapping refuses stays refused: said, and passed over
			slog.Warn("refused by the index", "index", index, "key", string(r.Key), "status", status, "answer", fmt.Sprintf("%.200s", body))
		}
	}
	return nil
}

func (b *brick) heartbeat(ctx context.Context) {
	for range time.Tick(b.settings.produceEvery) {
		for _, topic := range b.settings.produce {
			if _, err := b.send(ctx, topic, b.settings.name, []byte(`{"heartbeat":true}`)); err != nil {
				slog.Warn("heartbeat", "topic", topic, "error", err.Error())
			}
		}
	}
}
