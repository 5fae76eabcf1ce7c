package testkit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListed(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"list.go":       "package p\ntype A struct{}\ntype S string\nvar All = []*A{&one, two}\nfunc names() []S { return []S{three} }\n",
		"one.go":        "package p\nvar one = A{}\nconst three S = `three`\n",
		"two.go":        "package p\nvar two = &A{}\nvar other = 1\n",
		"other_test.go": "package p\nvar test = &A{}\n",
	} {
		if err := os.WriteFile(filepath.Base(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	Listed(t, "All", "A")
	Listed(t, "names", "S")
	for _, test := range []struct{ list, typ, text, want string }{
		{"All", "A", "var more = A{}", "more.go: more is not in use: add it to All in list.go"},
		{"names", "S", "const four S = `four`", "more.go: four is not in use: add it to names in list.go"},
		{"Others", "A", "", "there is no list Others"},
		{"All", "B", "", "nothing of type B"},
	} {
		if err := os.WriteFile("more.go", []byte("package p\n"+test.text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if failure := failureOf(t, func(t testing.TB) { Listed(t, test.list, test.typ) }); !strings.Contains(failure, test.want) {
			t.Errorf("with %q the failure is %q, want one with %q", test.text, failure, test.want)
		}
	}
}
