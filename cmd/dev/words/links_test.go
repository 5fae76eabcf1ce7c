//go:build !race

package words

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	noAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	set      = regexp.MustCompile(`<a id="([^"]+)">`)
	inline   = regexp.MustCompile("`[^`]*`")
)

// anchors are those of a document's headings, as GitHub makes them, and those that it sets.
func anchors(lines []string) map[string]bool {
	found, times := map[string]bool{}, map[string]int{}
	for _, line := range prose(lines) {
		for _, m := range set.FindAllStringSubmatch(line, -1) {
			found[m[1]] = true
		}
		heading := strings.TrimLeft(line, "#")
		if level := len(line) - len(heading); level == 0 || level > 6 || !strings.HasPrefix(heading, " ") {
			continue
		}
		anchor := strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), ""), " ", "-")
		n := times[anchor]
		times[anchor]++
		if n > 0 {
			anchor += "-" + strconv.Itoa(n)
		}
		found[anchor] = true
	}
	return found
}

// prose is a document with its blocks of code empty.
func prose(lines []string) []string {
	var out []string
	code := false
	for _, line := range lines {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		if code || fence {
			line = ""
		}
		code = code != fence
		out = append(out, line)
	}
	return out
}

// Links between documents lead to files, and to headings, that there are.
func TestLinks(t *testing.T) {
	known := map[string]map[string]bool{}
	docs(t, func(name string, lines []string) { known[name] = anchors(lines) })
	docs(t, func(name string, lines []string) {
		for i, line := range prose(lines) {
			for _, m := range link.FindAllStringSubmatch(inline.ReplaceAllString(line, ""), -1) {
				file, anchor, _ := strings.Cut(m[1], "#")
				if strings.Contains(file, ":") {
					continue // elsewhere
				}
				to := name
				if file != "" {
					to = path.Join(path.Dir(name), file)
					if _, err := os.Stat(filepath.Join(root, to)); err != nil {
						t.Errorf("%s:%d: there is no file %s", name, i+1, m[1])
						continue
					}
				}
				if anchor != "" && !known[to][anchor] {
					t.Errorf("%s:%d: there is no heading %s", name, i+1, m[1])
				}
			}
		}
	})
}

func TestAnchors(t *testing.T) {
	got := anchors(strings.Split("# A b: `c`, d_e-f\n## Twice\n```\n# no\n```\n## Twice\n#no\n### The 0.6 M\n<a id=\"set\"></a>Text", "\n"))
	for _, want := range []string{"a-b-c-d_e-f", "twice", "twice-1", "the-06-m", "set"} {
		if !got[want] {
			t.Errorf("there is no anchor %s in %v", want, got)
		}
	}
	if len(got) != 5 {
		t.Errorf("%v, want 5", got)
	}
}
