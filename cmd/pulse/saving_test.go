package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/web"
)

const savedFirst = "# ours\nstats: # all\n  - {name: lines, rate: second, over: 1s}\n"

func fileOf(t *testing.T, text string, variables map[string]string) (*statsFlag, string) {
	t.Helper()
	name := writeFile(t, "stats.yaml", text)
	lookup := func(name string) (string, bool) { v, ok := variables[name]; return v, ok }
	return &statsFlag{file: name, env: &environment{LookupEnv: lookup}, news: make(chan struct{}, 1)}, name
}

func saves(t *testing.T, s *statsFlag) web.DefinitionsFile {
	t.Helper()
	d, err := s.load()
	if err != nil {
		t.Fatal(err)
	}
	return s.saved(d, func(_ context.Context, d *stats.Definitions) error {
		if d.Lateness == 7 {
			return errors.New("start pulse run again")
		}
		return nil
	}, none)
}

// A file is saved as it is given, all at once, and only if it still is what whoever saves it
// has seen; one that Pulse could not start with changes nothing.
func TestSavedFile(t *testing.T) {
	s, name := fileOf(t, savedFirst, map[string]string{"SECRET": "hunter2", "UNSET": ""})
	if err := os.Chmod(name, 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.yaml")
	if err := os.Symlink(name, link); err != nil {
		t.Fatal(err)
	}
	s.file = link
	f := saves(t, s)
	text, tag, err := f.Read()
	if err != nil || text != savedFirst {
		t.Fatalf("%q %v", text, err)
	}
	for _, c := range []struct{ text, tag, want string }{
		{"stats:\n  - {name: lines, rate: secnod}\n", tag, "link.yaml:2:"},
		{"lateness: 0s\n" + savedFirst, tag, "at least 1s"},
		{"lateness: 7s\n" + savedFirst, tag, "start pulse run again"},
		{strings.Replace(savedFirst, "over: 1s", "title: \"${SECRET}\"", 1), tag, "link.yaml:3:41: the environment variable SECRET is not one"},
		{"\xff" + savedFirst, tag, "UTF-8"},
		{savedFirst + "\n", "0123456789abcdef", "changed by somebody else"},
	} {
		if _, err := f.Save(t.Context(), c.text, c.tag); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v; want %s", c.text, err, c.want)
		}
	}
	if now, _ := os.ReadFile(name); string(now) != savedFirst || len(s.news) != 0 {
		t.Errorf("what cannot be used has made it %q", now)
	}
	second := savedFirst + "  # one more\n  - {name: more, count: lines}\n"
	saved, err := f.Save(t.Context(), second, tag)
	if err != nil || saved.Tag == tag || len(saved.Definitions.Stats) != 2 || len(s.news) != 1 {
		t.Fatalf("%+v %v", saved, err)
	}
	if now, _ := os.ReadFile(name); string(now) != second {
		t.Errorf("it is %q", now)
	}
	info, err := os.Lstat(name)
	if to, linkErr := os.Readlink(link); err != nil || info.Mode().Perm() != 0o640 || to != name || linkErr != nil {
		t.Errorf("%v %v %q", info, err, to)
	}
	left, err := os.ReadDir(filepath.Dir(name))
	if len(left) != 1 || err != nil {
		t.Errorf("left behind are %v", left)
	}
	if _, err := f.Save(t.Context(), savedFirst, tag); !errors.Is(err, web.ErrDefinitionsChanged) {
		t.Errorf("an older text is saved over it: %v", err)
	}
}

// Lines keep their ends, which a browser does not show.
func TestSavedLineEnds(t *testing.T) {
	s, name := fileOf(t, strings.ReplaceAll(savedFirst, "\n", "\r\n"), nil)
	f := saves(t, s)
	_, tag, err := f.Read()
	if err != nil {
		t.Fatal(err)
	}
	saved, err := f.Save(t.Context(), savedFirst+"# end\n", tag)
	if err != nil {
		t.Fatal(err)
	}
	if now, _ := os.ReadFile(name); string(now) != strings.ReplaceAll(savedFirst+"# end\n", "\n", "\r\n") || saved.Tag != tagOf(now) {
		t.Errorf("it is %q", now)
	}
}

// Of many who save at once from one text, in several processes, one does.
func TestSavedOnce(t *testing.T) {
	s, name := fileOf(t, savedFirst, nil)
	_, tag, err := saves(t, s).Read()
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	wins := make(chan string, 16)
	for i := range 16 {
		f := saves(t, s) // with a lock of its own, as in another process
		all.Go(func() {
			text := fmt.Sprintf("%s# %d\n", savedFirst, i)
			switch _, err := f.Save(t.Context(), text, tag); {
			case err == nil:
				wins <- text
			case !errors.Is(err, web.ErrDefinitionsChanged):
				t.Error(err)
			}
		})
	}
	all.Wait()
	close(wins)
	if now, _ := os.ReadFile(name); len(wins) != 1 || <-wins != string(now) {
		t.Errorf("%d have saved; the file is %q", len(wins), now)
	}
}

// TestSave: what the page saves is rolled out beside what is at work, in all roles of the
// process.
func TestSave(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	file := writeFile(t, "stats.yaml", savedFirst)
	r := startRun(t, file, "", nil, "--syslog-tcp", "127.0.0.1:0", "--http", fmt.Sprint("127.0.0.1:", freePort(t)), "--allow-edit", "--http-auth", "me:secret-secret")
	ask := func(method string, body any) (int, map[string]string) {
		t.Helper()
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(t.Context(), method, r.url+"/api/definitions", bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth("me", "secret-secret")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		said := map[string]string{"text": string(text)}
		json.Unmarshal(text, &said) //nolint:errcheck // an error is text
		return answer.StatusCode, said
	}
	_, was := ask("GET", nil)
	second := savedFirst + "  - {name: more, count: lines, over: 1s}\n"
	status, saved := ask("PUT", map[string]string{"text": second, "tag": was["tag"]})
	if status != http.StatusOK || saved["version"] == was["version"] {
		t.Fatalf("%d %v, before it was %v", status, saved, was)
	}
	r.says(`the definitions were saved from the page" by="user me"`)
	r.says("going on with other definitions")
	names := r.names
	names.Version = saved["version"]
	got := follow(t, r.cluster, names)
	got.until("the new stat is published", func() error {
		for _, s := range got.points {
			if s.Stat == "more" && s.Version == names.Version {
				return nil
			}
		}
		return fmt.Errorf("%d points of others", len(got.points))
	})
	testkit.Eventually(t, "the page has the new definitions", func() error {
		request, err := http.NewRequestWithContext(t.Context(), "GET", r.url+"/api/stats/more", nil)
		if err != nil {
			return err
		}
		request.SetBasicAuth("me", "secret-secret")
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				err = errors.New(answer.Status)
			}
		}
		return err
	})
	if status, said := ask("PUT", map[string]string{"text": savedFirst, "tag": was["tag"]}); status != http.StatusConflict {
		t.Errorf("an older text: %d %v", status, said)
	}
	r.stop()
	if code := r.wait(); code != exitOK {
		t.Errorf("it ended with %d", code)
	}
}
