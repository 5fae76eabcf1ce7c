package main

import (
	"strings"
	"testing"

	"pulse/topics/topicstest"
)

// What definitions that nobody uses any more left can be removed, and nothing
// else can.
func TestRemoveVersion(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	older := writeFile(t, "older.yaml", "stats:\n  - {name: a, rate: second}\n")
	newer := writeFile(t, "newer.yaml", "stats:\n  - {name: a, rate: minute}\n")
	env := map[string]string{"KAFKA_URL": cluster.Brokers[0], "KAFKA_PREFIX": prefix}
	for _, file := range []string{older, newer} {
		start(t, env, nil, "topics", "--create", "--partitions", "2", "--stats", file).succeed()
	}
	gone, stays := namesOf(t, prefix, older), namesOf(t, prefix, newer)
	start(t, env, nil, "topics", "--stats", newer, "--remove-version", stays.Version).fails(exitUsage, "give --stats the file that you keep")
	start(t, env, nil, "topics", "--stats", newer, "--remove-version", "abcdef").fails(exitUsage, "there is no definitions version", gone.Version)
	p := start(t, env, nil, "topics", "--stats", newer, "--remove-version", gone.Version).succeed()
	if !strings.Contains(p.stdout.String(), gone.Version) {
		t.Errorf("it printed %q", p.stdout)
	}
	left, err := topicstest.Admin(t, cluster).Versions(t.Context(), stays)
	if err != nil || len(left) != 1 || left[0] != stays.Version {
		t.Errorf("there are the definitions versions %v (%v), want %s", left, err, stays.Version)
	}
	start(t, env, nil, "topics", "--stats", newer).succeed()
}
