package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/processors/status"
	"pulse/stats"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// closes waits until all seconds close in time. Lines may be late: on a busy machine
// they are.
func closes(t testing.TB, cluster topics.Cluster, names topics.Names) {
	t.Helper()
	admin, err := cluster.Admin()
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	testkit.Eventually(t, "all seconds close", func() error {
		s, err := status.Look(t.Context(), admin, names, stats.Builtin(), time.Now(), status.Limits{Behind: time.Minute, Discarded: 1})
		if err == nil && !s.Well {
			err = errors.New(s.Headline)
		}
		return err
	})
}

// The command's exit codes and what it prints.
func TestStatusCommand(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: stats.Builtin().Version()}
	topicstest.Ensure(t, cluster, names, 2)
	env := map[string]string{"KAFKA_URL": cluster.Brokers[0], "KAFKA_PREFIX": prefix}

	p := start(t, env, nil, "status")
	if code := p.wait(); code != exitBehind || !strings.HasPrefix(p.stdout.String(), "not well: nothing has been written") || p.stderr.String() != "" {
		t.Errorf("exit code %d, want %d\n%s%s", code, exitBehind, p.stdout, p.stderr)
	}
	p = start(t, env, nil, "status", "--json")
	var s status.Status
	if code := p.wait(); code != exitBehind {
		t.Errorf("--json: exit code %d, want %d", code, exitBehind)
	}
	if err := json.Unmarshal([]byte(p.stdout.String()), &s); err != nil || s.Well || len(s.Problems) != 3 || len(s.Sources) != 2 {
		t.Errorf("--json: %v\n%s", err, p.stdout)
	}

	file := writeFile(t, "stats.yaml", "stats: [{name: lines, rate: second}]\n")
	refused(t, env, exitFailed, []string{names.Version, "--stats"}, "status", "--stats", file)
	refused(t, env, exitUsage, []string{"--max-behind"}, "status", "--max-behind", "0s")
	refused(t, env, exitUsage, []string{"--max-discarded"}, "status", "--max-discarded", "2")
}
