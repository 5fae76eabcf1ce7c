package testkit

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// recorder is a test that notes how it failed.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failure = fmt.Sprintf(format, args...)
	panic(r)
}

func (r *recorder) Errorf(format string, args ...any) { r.failure = fmt.Sprintf(format, args...) }

// failureOf runs f and returns what it failed with.
func failureOf(t *testing.T, f func(testing.TB)) string {
	r := &recorder{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		f(r)
	}()
	return r.failure
}

func TestEventually(t *testing.T) {
	t.Setenv(PatienceVariable, "1")
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		Eventually(t, "the third time", func() error {
			if asked++; asked < 3 {
				return errors.New("not yet")
			}
			return nil
		})
		begun := time.Now()
		asked = 0
		failure := failureOf(t, func(t testing.TB) {
			Eventually(t, "pigs fly", func() error { asked++; return fmt.Errorf("asked %d times", asked) })
		})
		if want := fmt.Sprintf("last seen: asked %d times", asked); !strings.Contains(failure, want) || !strings.Contains(failure, "pigs fly: not within 2m0s") {
			t.Errorf("the failure is %q, want one with %q", failure, want)
		}
		if asked > 700 || time.Since(begun) > 121*time.Second {
			t.Errorf("asked %d times in %v: it is to back off", asked, time.Since(begun))
		}
	})
}

func TestEventuallyIsMorePatient(t *testing.T) {
	t.Setenv(PatienceVariable, "3")
	synctest.Test(t, func(t *testing.T) {
		failure := failureOf(t, func(t testing.TB) { Eventually(t, "it", func() error { return errors.New("no") }) })
		if !strings.Contains(failure, "not within 6m0s") {
			t.Errorf("the failure is %q, want six minutes", failure)
		}
	})
}

func TestDone(t *testing.T) {
	t.Setenv(PatienceVariable, "1")
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		failure := failureOf(t, func(t testing.TB) { Done(t, "the end", done, func() error { return errors.New("the middle") }) })
		if !strings.HasPrefix(failure, "the end: not within 2m0s") || !strings.HasSuffix(failure, "; last seen: the middle") {
			t.Errorf("the failure is %q", failure)
		}
		close(done)
		Done(t, "the end", done, nil)
	})
}
