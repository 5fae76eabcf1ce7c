package condition_test

import (
	"strings"
	"testing"

	"pulse/stats/condition"
)

// What looks at a line in proportion to it may be asked; what could take all memory, or
// hours, may not.
func TestCheckQuestion(t *testing.T) {
	for _, src := range []string{
		`status >= 500`,
		`level == "error" && path startsWith "/api/" and not (host in ["a", "b"])`,
		`status in 500..599`,
		`line matches "(?i)timeout after [0-9]{1,5} ?ms"`,
		`id matches "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"`,
		`len(line) > 200 && lower(path) contains "login"`,
		`ms / 1000 > 1.5 || int(bytes) > 10 * (size ?? 0)`,
		`last(split(path, "/")) == "index.html"`,
		`route(path) == "/users/*" && capture(line, "took ([0-9]+)") > 100`,
		`path =`, // as wrong as it is, for Parse
	} {
		if err := condition.CheckQuestion(src); err != nil && !strings.Contains(src, "path =") {
			t.Errorf("%s is refused: %v", src, err)
		}
	}
	for _, src := range []string{
		`len(repeat(line, 1000000)) > 1`,
		`len(repeat(repeat("aaaaaaaaaa", 1000), 1000000)) > 1`,
		`replace(replace(line, "", line), "", line) == "x"`,
		`len(join(split(line, ""), line)) > 1`,
		`(let a = line + line; let b = a + a; let c = b + b; len(c + c)) > 1`,
		`len(map(1..900000, line + line)) > 1`,
		`count(1..900000, line matches "(a|b)*c") > 1`,
		`any(split(line, ""), line matches "(a|b)*c")`,
		`sum(1..900000) > ms`,
		`len(1..900000) > ms`,
		`len(concat(split(line, ""), split(line, ""))) > 2`,
		`len(toJSON(split(line, ""))) > 2`,
		`len(line) in 1..ms`,
		`len(line) in 1..1000000`,
		`line matches ".{1000}.{1000}.{1000}"`,
		`line matches "(.{10}){100}(.{20}){50}(.{10}){100}"`,
		`a matches ".{1000}" || b matches ".{900}" || c matches ".{800}"`,
		`capture(line, "(.{1000}.{1000}.{1000})") == "x"`,
		`line matches pattern`,
		`line matches lower(pattern)`,
		`"x" matches line`,
		`line == "` + strings.Repeat("x", condition.MaxQuestion) + `"`,
		strings.Repeat("(", 600) + "a" + strings.Repeat(")", 400),
	} {
		if err := condition.CheckQuestion(src); err == nil {
			t.Errorf("%.80s is taken", src)
		}
	}
}
