package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Bounds of a file of tokens.
const (
	maxTokenFile = 1 << 20
	maxTokens    = 10_000
	maxSecret    = 512 // bytes of a token
)

// A namedToken is a token with who has it, as a file says.
type namedToken struct {
	role        Role
	name, token string
}

// readTokenFile reads the tokens of a file, which others must not be able to read.
func readTokenFile(name string) ([]namedToken, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the tokens: %w", err)
	}
	defer f.Close()
	info, err := f.Stat() // of what a link leads to
	if err != nil {
		return nil, fmt.Errorf("cannot read the tokens: %w", err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a folder: name the file of tokens in it", name)
	}
	if err := checkPrivate(name, info); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxTokenFile+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the tokens: %w", err)
	}
	if len(text) > maxTokenFile {
		return nil, fmt.Errorf("%s has more than %d bytes: a file of tokens is smaller", name, maxTokenFile)
	}
	return parseTokens(name, text)
}

// parseTokens reads lines of a role, a name and a token. Empty lines and those that begin with #
// say nothing. An error never has a token in it.
func parseTokens(file string, text []byte) (tokens []namedToken, err error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	names, secrets := map[string]int{}, map[string]int{}
	n := 0
	for line := range strings.SplitSeq(string(text), "\n") {
		n++
		wrong := func(format string, args ...any) error {
			return fmt.Errorf("%s:%d: %w", file, n, fmt.Errorf(format, args...))
		}
		words := strings.Fields(line)
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		if len(words) == 1 {
			return nil, wrong("there is 1 word: write a role (read, lines or edit), a name and a token")
		}
		if len(words) != 3 {
			return nil, wrong("there are %d words: write a role (read, lines or edit), a name and a token", len(words))
		}
		role, err := ParseRole(words[0])
		if err != nil {
			// A token may stand where the role should.
			return nil, wrong("the first word is not a role: write read, lines or edit, then a name and a token")
		}
		t := namedToken{role, words[1], words[2]}
		if len(t.name) > 64 || strings.ContainsFunc(t.name, unfit) {
			return nil, wrong("the name is not of up to 64 visible ASCII characters")
		}
		if err := checkSecret(t.token); err != nil {
			return nil, wrong("the token of %s %w", t.name, err)
		}
		if at := names[t.name]; at > 0 {
			return nil, wrong("%s stands in line %d already: names differ, so that the log can tell who it was", t.name, at)
		}
		if at := secrets[t.token]; at > 0 {
			return nil, wrong("%s has the token of line %d: each needs one of its own", t.name, at)
		}
		names[t.name], secrets[t.token] = n, n
		if tokens = append(tokens, t); len(tokens) > maxTokens {
			return nil, wrong("there are more than %d tokens", maxTokens)
		}
	}
	if len(tokens) == 0 {
		return nil, fmt.Errorf("%s has no tokens: write a role (read, lines or edit), a name and a token in a line", file)
	}
	return tokens, nil
}

// checkSecret says what is wrong with a token.
func checkSecret(token string) error {
	switch {
	case len(token) < minSecret:
		return fmt.Errorf("has %d bytes, at least %d are needed; make one with `openssl rand -hex 16`", len(token), minSecret)
	case len(token) > maxSecret:
		return fmt.Errorf("has %d bytes, at most %d are taken", len(token), maxSecret)
	case strings.ContainsFunc(token, unfit):
		return errors.New("has characters that are not visible ASCII, which a header cannot carry")
	}
	return nil
}

// unfit reports whether a character may not be in a name or a token.
func unfit(r rune) bool { return r <= ' ' || r > '~' }
