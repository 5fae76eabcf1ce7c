package web

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tokenFile writes a file of tokens that nobody else can read.
func tokenFile(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestParseTokens(t *testing.T) {
	a, b := strings.Repeat("a", minSecret), strings.Repeat("b", minSecret)
	for text, want := range map[string]string{
		"read wall " + a: "[{read wall " + a + "}]",
		"\ufeffread wall " + a + "\r\nlines ann " + b + "\r\n":    "[{read wall " + a + "} {lines ann " + b + "}]",
		"# who may\n\n  edit\tann   " + a + "   \n#read eve " + b: "[{edit ann " + a + "}]",
		"read wall " + a + "+/=._~-":                              "[{read wall " + a + "+/=._~-}]",
		"":                                                        "f has no tokens",
		"\ufeff\r\n# nothing\r\n":                                 "f has no tokens",
		"read wall x":                                             "f:1: the token of wall has 1 bytes",
		"read wall " + a + "\nread ann":                           "f:2: there are 2 words",
		"read wall " + a + " and more":                            "f:1: there are 5 words",
		a:                                                         "f:1: there is 1 word:",
		"write wall " + a:                                         "f:1: the first word is not a role",
		a + " read wall":                                          "f:1: the first word is not a role",
		"nobody wall " + a:                                        "f:1: the first word is not a role",
		"read wall " + a + "\nlines wall " + b:                    "f:2: wall stands in line 1 already",
		"read wall " + a + "\nlines ann " + a:                     "f:2: ann has the token of line 1",
		"read wall " + a + "ä":                                    "f:1: the token of wall has characters",
		"read wall " + a + "\u00a0":                               "[{read wall " + a + "}]",
		"read wäll " + a:                                          "f:1: the name is not",
		"read wall " + strings.Repeat("a", maxSecret+1):                 "f:1: the token of wall has 513 bytes",
		"read " + strings.Repeat("w", 65) + " " + a:                     "f:1: the name is not",
		"read wall " + a[:8] + "\x00" + a[:8]:                           "f:1: the token of wall has characters",
		"\xff\xfer\x00e\x00a\x00d\x00 \x00w\x00 \x00" + a:               "f:1: the first word is not a role",
		"read wall " + a + "\nread ann \"" + b + "\"":                   "[{read wall " + a + "} {read ann \"" + b + "\"}]",
		strings.Repeat("# comment\n", 5000) + "lines ann " + b + "\n\n": "[{lines ann " + b + "}]",
	} {
		tokens, err := parseTokens("f", []byte(text))
		var all []string
		for _, one := range tokens {
			all = append(all, fmt.Sprintf("{%v %s %s}", one.role, one.name, one.token))
		}
		got := fmt.Sprint(all)
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%.60q: %s, want %s", text, got, want)
		}
		if err != nil && (strings.Contains(err.Error(), a) || strings.Contains(err.Error(), b)) {
			t.Errorf("%.60q: a token is in %v", text, err)
		}
	}
}

func FuzzParseTokens(f *testing.F) {
	f.Add([]byte("\ufeffread wall 0123456789abcdef\r\n# x\nedit a b"))
	f.Fuzz(func(t *testing.T, text []byte) {
		tokens, err := parseTokens("f", text)
		if (err == nil) != (len(tokens) > 0) {
			t.Errorf("%d tokens and %v", len(tokens), err)
		}
		for _, one := range tokens {
			if one.role == Nobody || one.name == "" || checkSecret(one.token) != nil {
				t.Errorf("a token is %q of %q", one.token, one.name)
			}
		}
	})
}

// Only who runs Pulse may be able to read the tokens; of a secret that Kubernetes mounts, a
// group may.
func TestTokensArePrivate(t *testing.T) {
	root := os.Getuid() == 0
	for mode, want := range map[os.FileMode][2]string{ // of root's file, and of another's
		0o600: {"", ""},
		0o400: {"", ""},
		0o440: {"", "chmod 600"},
		0o640: {"", "chmod 600"},
		0o660: {"chmod 640", "chmod 600"},
		0o644: {"defaultMode: 0440", "chmod 600"},
		0o604: {"chmod 640", "chmod 600"},
	} {
		for i, owner := range []int{0, 1000} {
			name := tokenFile(t, "read wall 0123456789abcdef")
			if root {
				if err := os.Chown(name, owner, owner); err != nil {
					t.Fatal(err)
				}
			} else if owner == 0 {
				continue
			}
			if err := os.Chmod(name, mode); err != nil {
				t.Fatal(err)
			}
			_, err := readTokenFile(name)
			if (err == nil) != (want[i] == "") || err != nil && !strings.Contains(err.Error(), want[i]) {
				t.Errorf("mode %o of user %d: %v, want %q", mode, owner, err, want[i])
			}
		}
	}
	folder := t.TempDir()
	if _, err := readTokenFile(folder); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
	large := tokenFile(t, strings.Repeat("#\n", maxTokenFile))
	if _, err := readTokenFile(large); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a large file: %v", err)
	}
}

// Kubernetes changes a secret by turning a link to another folder; editors move a new file into
// the place of the old one. Both are seen, and what is wrong changes nothing.
func TestTokensAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	put := func(version, text string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, version, "tokens"), []byte(text), 0o400); err != nil {
			t.Fatal(err)
		}
		next := filepath.Join(dir, "..next")
		if err := os.Symlink(version, next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	put("..1", "read ann "+tokenOf("a"))
	name := filepath.Join(dir, "tokens")
	if err := os.Symlink(filepath.Join("..data", "tokens"), name); err != nil {
		t.Fatal(err)
	}
	a := letIn(t, AccessConfig{TokenFile: name})
	look := func() {
		a.mu.Lock()
		at := a.looked
		a.mu.Unlock()
		a.look(at.Add(lookEvery))
	}
	knows := func(token string) bool {
		_, ok := a.has(a.ofToken(token))
		return ok
	}
	put("..2", "read ann "+tokenOf("b"))
	if knows(tokenOf("b")) {
		t.Error("a token is known before anybody looked")
	}
	if look(); !knows(tokenOf("b")) || knows(tokenOf("a")) {
		t.Error("a secret that was swapped is not read again")
	}
	put("..3", "read ann short")
	if look(); !knows(tokenOf("b")) {
		t.Error("a wrong file took the tokens away")
	}
	if err := a.Reload(); err == nil || !strings.Contains(err.Error(), name+":1:") {
		t.Errorf("a wrong file: %v", err)
	}
	// A file that is moved into its place may be of the same size and time.
	info, err := os.Stat(filepath.Join(dir, "..3", "tokens"))
	if err != nil {
		t.Fatal(err)
	}
	text := "edit e " + tokenOf("c")
	moved := tokenFile(t, text)
	if err := os.Chtimes(moved, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(moved, filepath.Join(dir, "..3", "tokens")); err != nil {
		t.Skip("the folders of tests are on different disks")
	}
	if look(); !knows(tokenOf("c")) {
		t.Error("a file that was moved into its place is not read again")
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := a.Reload(); err == nil || !knows(tokenOf("c")) {
		t.Errorf("a file that is gone: %v", err)
	}
}
