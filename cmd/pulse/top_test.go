package main

import (
	"errors"
	"io"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
)

// TestTop: the wall shows what a web and what Kafka has, in whatever is taken for a
// terminal, until the reader leaves; what is wrong is said without passwords.
func TestTop(t *testing.T) {
	t.Parallel()
	for _, bad := range [][]string{{"top", "ftp://u:SECRET@x"}, {"top", "http://a", "http://b"}, {"top", "u:SECRET@x:80"}, {"top", "--token", "SECRET"}} {
		p := start(t, nil, nil, bad...)
		if code := p.wait(); code != exitUsage || strings.Contains(p.stderr.String(), "SECRET") {
			t.Errorf("%v: exit code %d: %s", bad, code, p.stderr)
		}
	}
	if p := start(t, nil, nil, "top", "http://localhost:1"); p.wait() != exitFailed || !strings.Contains(p.stderr.String(), "needs a terminal") {
		t.Errorf("without a terminal: %s", p.stderr)
	}
	dumb := &environment{Stdin: strings.NewReader(""), Stdout: cleaner{io.Discard}, Stderr: &transcript{}, LookupEnv: func(name string) (string, bool) { return "dumb", name == "TERM" }}
	if code := dumb.main(t.Context(), []string{"top", "http://localhost:1"}); code != exitFailed || !strings.Contains(dumb.Stderr.(*transcript).String(), "TERM is dumb") {
		t.Errorf("with TERM=dumb: exit code %d, %s", code, dumb.Stderr)
	}
	for locale, want := range map[string]bool{"": false, "C": true, "de_DE.ISO-8859-1": true, "C.utf8": false, "en_US.UTF-8": false} {
		if plain(func(name string) (string, bool) { return locale, name == "LANG" }) != want {
			t.Errorf("with the locale %q", locale)
		}
	}
	w, lines := newTail(t)
	run := startRun(t, "", "", lines)
	w.write(10)
	w.write(10)
	for _, args := range [][]string{{"top", run.url}, {"top", "--kafka", run.cluster.Brokers[0]}} {
		in, keys := io.Pipe()
		out, said := &transcript{}, &transcript{}
		e := &environment{Stdin: in, Stdout: cleaner{out}, Stderr: said, LookupEnv: func(string) (string, bool) { return "", false }}
		code := make(chan int, 1)
		go func() { code <- e.main(t.Context(), args) }()
		testkit.Eventually(t, "the wall has stats", func() error {
			if !strings.Contains(out.String(), "/s") {
				return errors.New(out.String() + said.String())
			}
			return nil
		})
		if _, err := io.WriteString(keys, "q"); err != nil {
			t.Fatal(err)
		}
		if got := <-code; got != exitOK {
			t.Errorf("%v: exit code %d: %s", args, got, said)
		}
		keys.Close()
	}
}
