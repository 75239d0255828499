// Command demo-brick stands in for every proprietary service of the example. By its environment it serves HTTP, consumes and
// produces topics, indexes into Elasticsearch, stands before a PostgreSQL, or runs once as a cron job. It never creates a topic
// or an index: one that is missing ends it, so that a wrong order shows as a crash loop.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

var version = "0.1.0"

func main() {
	if len(os.Args) > 1 && os.Args[1] == "pause" {
		pause()
		return
	}
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	settings, err := fromEnvironment(os.Getenv)
	if err == nil {
		err = run(ctx, settings)
	}
	if err != nil {
		slog.Error("ended", "error", err.Error())
		os.Exit(1)
	}
}

// run connects to all that the settings name, then serves until ctx ends; a run-once brick produces and returns.
func run(ctx context.Context, s settings) error {
	b := &brick{settings: s, started: time.Now(), seen: newSeen()}
	if !s.runOnce {
		go b.serve()
	}
	if s.usesKafka() {
		if err := b.connectKafka(ctx); err != nil {
			return err
		}
		defer b.kafka.Close()
	}
	if err := b.requireIndices(ctx); err != nil {
		return err
	}
	if s.expectDatabase || s.readsDatabase {
		if err := b.visit(ctx); err != nil {
			return err
		}
	}
	if s.runOnce {
		for _, topic := range s.produce {
			if _, err := b.send(ctx, topic, s.table, []byte(fmt.Sprintf(`{"table":%q,"at":%q}`, s.table, time.Now().UTC().Format(time.RFC3339)))); err != nil {
				return err
			}
		}
		slog.Info("done", "topics", s.produce, "table", s.table)
		return nil
	}
	b.ready.Store(true)
	slog.Info("ready", "name", s.name, "consume", s.consume, "index", s.index, "forward", s.forward)
	if s.produceEvery > 0 {
		go b.heartbeat(ctx)
	}
	if len(s.consume) > 0 {
		return b.poll(ctx)
	}
	<-ctx.Done()
	return nil
}

// pause holds a pod's namespaces and reaps what is left to it: the sandbox's pod infrastructure image.
func pause() {
	c := make(chan os.Signal, 16)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for s := range c {
		if s != syscall.SIGCHLD {
			return
		}
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if err != nil || pid <= 0 {
				break
			}
		}
	}
}
