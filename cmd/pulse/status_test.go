package main

import (
	"encoding/json"
	"strings"
	"testing"

	"pulse/processors/status"
	"pulse/stats"
	"pulse/topics"
	"pulse/topics/topicstest"
)

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
