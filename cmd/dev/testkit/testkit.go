// Package testkit has what the tests of all packages need and none of them is
// about: waiting for a condition, leaving out what is long, and finding the
// programs that a test drives. It imports nothing of Pulse.
package testkit

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// PatienceVariable is the environment variable whose value multiplies how long
// Eventually and Done wait: 3 on a machine that is three times as busy.
const PatienceVariable = "PULSE_TEST_PATIENCE"

// Patience is how long Eventually and Done wait: two minutes, times Factor. It is far
// more than anything takes on a quiet machine: waiting costs time only in a test
// that fails.
func Patience() time.Duration { return 2 * time.Minute * time.Duration(Factor()) }

// Eventually calls check until it returns nil, and fails the test with the last
// error, which is to say what was seen instead. It asks often at first and then
// less and less, so that what is nearly there costs no wait and what takes long
// no CPU.
func Eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	limit := Patience()
	begun := time.Now()
	var since *served
	for pause := time.Millisecond; ; pause = min(pause*3/2, 200*time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		waited := time.Since(begun)
		if waited > limit {
			fail(t, what, waited, since, err)
		}
		if since == nil && waited > unwatched {
			since = startServed()
		}
		time.Sleep(pause)
	}
}

// Done waits until the channel is closed, or something comes by it, and fails the
// test with what seen returns if that takes too long.
func Done[T any](t testing.TB, what string, done <-chan T, seen func() error) {
	t.Helper()
	select {
	case <-done:
		return
	case <-time.After(unwatched):
	}
	limit := Patience()
	since := startServed()
	select {
	case <-done:
	case <-time.After(limit):
		fail(t, what, limit, since, seen())
	}
}

// unwatched is how long a wait is before the CPU time that it gets is counted: nearly all
// are shorter, and counting reads a file of each thread.
const unwatched = time.Second

func fail(t testing.TB, what string, waited time.Duration, since *served, seen error) {
	t.Helper()
	t.Fatalf("%s: not within %v%s; last seen: %v", what, waited.Round(time.Second), since.starved(), seen)
}

// Factor is the value of PatienceVariable, from 1 to 100; 1 if it has none.
func Factor() int {
	n, err := strconv.Atoi(os.Getenv(PatienceVariable))
	if err != nil {
		return 1
	}
	return min(max(n, 1), 100)
}

// Long leaves a test to `make test-all`: one that starts processes, floods a
// socket, drives another program, or repeats at length what a short test has.
func Long(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("long: make test-all runs it")
	}
}

// Size returns how much of something repeated a test does: short for `make test`,
// long for `make test-all`.
func Size(short, long int) int {
	if testing.Short() {
		return short
	}
	return long
}

// Tool returns where a program is. Without it the test is skipped, and fails
// where CI=true, since there it is to be installed.
func Tool(t testing.TB, name string) string {
	t.Helper()
	for _, file := range []string{name, "/usr/sbin/" + name} { // where daemons are
		if path, err := exec.LookPath(file); err == nil {
			return path
		}
	}
	Missing(t, name+" is not installed")
	return ""
}

// Missing skips a test that this machine lacks something for, and says what. Where
// CI=true it fails: there all is to be had, see .ci/run.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s, and CI is to have it: see .ci/run", what)
	}
	t.Skip(what)
}
