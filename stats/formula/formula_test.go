package formula_test

import (
	"math/big"
	"strings"
	"testing"

	"pulse/stats/formula"
)

// bind gives each reference a stat of its own.
func bind(f *formula.Formula) (stats int) {
	var bound [][]int
	for i := range f.References() {
		bound = append(bound, []int{i})
	}
	f.Bind(bound)
	return len(bound)
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"a":                      "#0",
		" a-b / c.d_e/f ":        "(#0/#1)",
		"a - b - c":              "((#0-#1)-#2)",
		"a - (b - c)":            "(#0-(#1-#2))",
		"a + b * c / 2":          "(#0+((#1*#2)/2))",
		"100*(a - b)/a":          "((100*(#0-#1))/#2)",
		"-a * - 0.50":            "((0-#0)*(0-0.50))",
		"sum(http-5*) / sum( a)": "(#0/#1)",
		"sum + sum(sum)":         "(#0+#1)",
		"2xx + 10s":              "(#0+#1)",
	} {
		f, err := formula.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		bind(f)
		if got := f.String(); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, test := range []struct {
		text string
		at   int
		want string
	}{
		{"", 0, "the formula ends where a value must follow"},
		{"a +", 3, "the formula ends where a value must follow"},
		{"a b", 2, "b is not expected here: write one of + - * / between two values"},
		{"a ** b", 3, "* stands where a value must be"},
		{"(a + b", 6, "a ) is missing, for the ( at byte 1"},
		{"a)", 1, ") is not expected here"},
		{"a % b", 2, "% is not expected here"},
		{"1 + 2", 0, "this names no stat"},
		{"sum(a + b)", 4, "sum takes the name of a stat, or a pattern"},
		{"sum()", 4, "sum takes the name of a stat"},
		{"http-*", 6, "the formula ends where a value must follow"},
		{"é", 0, "é stands where a value must be"},
		{strings.Repeat("a+", 250) + "a", 400, "a formula has at most 200 names and numbers"},
		{strings.Repeat("a", 5000), 0, "a formula has at most 4096 bytes, this has 5000"},
	} {
		_, err := formula.Parse(test.text)
		wrong, ok := err.(*formula.Error)
		if !ok || wrong.Offset != test.at || !strings.HasPrefix(wrong.Message, test.want) {
			t.Errorf("%.40q: %+v, want at %d %s", test.text, err, test.at, test.want)
		}
	}
}

// FuzzParse: whatever the text is, there is an error within it or a formula with a value.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"a + b", "sum(http-*) / (2 - -c)", "((((a", "0.0.0", "a/b/c", "- - -", "sum(*)*sum(-"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := formula.Parse(text)
		if err != nil {
			if e := err.(*formula.Error); e.Offset < 0 || e.Offset > len(text) || e.Message == "" {
				t.Fatalf("%+v", e)
			}
			return
		}
		operands := make([]formula.Operand, bind(parsed))
		if v, _ := parsed.Value(operands); v != nil {
			t.Errorf("of null it is %s", v)
		}
		for i := range operands {
			operands[i] = formula.Operand{Value: big.NewRat(int64(i+1), 3), Error: 0.01}
		}
		if _, e := parsed.Value(operands); e < 0 {
			t.Errorf("the error is %v", e)
		}
	})
}
