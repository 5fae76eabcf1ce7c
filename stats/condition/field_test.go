package condition

import "testing"

func TestIsExpression(t *testing.T) {
	for _, name := range []string{
		"ms", "user.id", "x-request-id", "a-b-c", "http-2xx", "app.kubernetes.io/name", "two words", "größe", "größe x", "p-99", "5", "2xx",
		"cpu%", "@timestamp", "_source", "response time (ms)", "in", "if", "level", "a:b", "a b.c", "-", "a/b",
	} {
		if IsExpression(name) {
			t.Errorf("%s is taken for an expression", name)
		}
	}
	for _, text := range []string{
		`replace(url, "a", "b")`, "lower(level)", "lower(level", "ms/1000", "ms / 1000", "ms/1.5", "1000*ms", "a*b", "a + b", "a+b", "a - b", "a%2", "a ?? b",
		"a == b", `a == "x"`, "a && b", "a and b", "!a", "a ? b : c", `a["b"]`, "a[0]", "a?.b", `"a"`, "'a'", "[a, b]", "split(tags, \",\")[0]", "-ms", "a | lower()", "a contains b",
	} {
		if !IsExpression(text) {
			t.Errorf("%s is taken for a name", text)
		}
	}
}
