package ingest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// TestReplacedTopics: an ingester ends when its topic is deleted and made again, and one that
// goes on at positions does not start: lines before them would be missing without a word.
func TestReplacedTopics(t *testing.T) {
	t.Parallel()
	for _, replace := range []func(topics.Names) string{topics.Names.Raw, topics.Names.Positions} {
		cluster, prefix := topicstest.Cluster(t)
		names := topics.Names{Prefix: prefix, Version: "g"}
		topicstest.Ensure(t, cluster, names, 3)
		f := folder{t, t.TempDir()}
		f.add("a.log", "n=0\n")
		exact := exactFiles(cluster, prefix, f.name("*.log"))
		exact.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
		ended := make(chan error, 2)
		go func() { ended <- exact.Run(t.Context()) }()
		testkit.Eventually(t, "the line is there", func() error { return atLeast(int64(len(committedLines(t, cluster, names))), 1) })
		ends := 1
		if replace(names) == names.Raw() {
			producer := connect(t, cluster, names, 3)
			go func() {
				ended <- producer.Run(t.Context(), Live{Inputs: []Input{inputFunc(func(ctx context.Context, _ func(context.Context, Batch) error) error {
					<-ctx.Done()
					return nil
				})}}.Run)
				gone, cancel := context.WithCancel(context.Background())
				cancel()
				producer.Close(gone)
			}()
			ends = 2
		}

		for range ends {
			if err := topicstest.Replace(t, cluster, names, replace(names), 3, ended); !errors.Is(err, topics.ErrReplaced) || !strings.Contains(err.Error(), replace(names)) {
				t.Errorf("%s was replaced, and an ingester ended with %v", replace(names), err)
			}
		}
		if replace(names) == names.Raw() {
			if err := exact.Run(t.Context()); !errors.Is(err, topics.ErrReplaced) {
				t.Errorf("the next ingester ended with %v", err)
			}
		}
	}
}
