package kafka

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"pulse/cmd/dev/testkit"
)

func TestProperties(t *testing.T) {
	n := &Node{id: 2, Port: 29094, dir: filepath.Join("data", "node-2")}
	got := properties(n, 3, 29095, "1@127.0.0.1:29093,2@127.0.0.1:29095,3@127.0.0.1:29097", "127.0.0.1:1234")
	for _, want := range []string{
		"node.id=2",
		"listeners=CLIENTS://127.0.0.1:29094,CONTROLLER://127.0.0.1:29095",
		"advertised.listeners=CLIENTS://127.0.0.1:1234",
		"min.insync.replicas=2",
		"default.replication.factor=3",
		"log.dirs=" + filepath.Join("data", "node-2", "data"),
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("the configuration lacks %q:\n%s", want, got)
		}
	}
	if got := properties(n, 1, 29095, "", ""); !strings.Contains(got, "min.insync.replicas=1\n") {
		t.Errorf("one broker alone cannot have two replicas in sync:\n%s", got)
	}
}

func TestClusterID(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id, err := clusterID()
		if err != nil {
			t.Fatal(err)
		}
		if len(id) != 22 || strings.HasPrefix(id, "-") || seen[id] {
			t.Fatalf("%q is no id, or was there before", id)
		}
		seen[id] = true
	}
}

func TestPorts(t *testing.T) {
	if got, err := ports(100, 3); err != nil || got[0] != 100 || got[2] != 102 {
		t.Errorf("three ports from 100 on are %v, %v", got, err)
	}
	free, err := ports(0, 6)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, p := range free {
		if p <= 0 || seen[p] {
			t.Errorf("free ports are %v: not six", free)
		}
		seen[p] = true
	}
}

// A process id that is another's by now is left alone.
func TestDownLeavesOthersAlone(t *testing.T) {
	testkit.Long(t)
	other := exec.Command(testkit.Tool(t, "sleep"), "60")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		other.Process.Kill()
		other.Wait()
	}()
	dir := t.TempDir()
	node := filepath.Join(dir, "node-1")
	if err := os.Mkdir(node, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(node, "pid")
	if err := os.WriteFile(file, []byte(strconv.Itoa(other.Process.Pid)), 0o644); err != nil {
		t.Fatal(err)
	}
	if n, err := Down(dir); n != 0 || err != nil {
		t.Errorf("%d brokers were ended, %v; there was none", n, err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file of a broker that is gone is still there: %v", err)
	}
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("another process was ended: %v", err)
	}
}
