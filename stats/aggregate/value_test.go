package aggregate

import (
	"testing"

	"pulse/stats/value"
)

func TestArithmetic(t *testing.T) {
	for _, test := range []struct {
		text string
		of   []value.Value
		want string
	}{
		{"a - b", []value.Value{value.Number("0.3"), value.Number("0.1")}, "0.2"},
		{"a + b", []value.Value{value.Number("170141183460469231731687303715.884105727"), value.Number("-0.000000001")}, "170141183460469231731687303715.884105726"},
		{"a / b", []value.Value{value.Number("1"), value.Number("8")}, "0.125"},
		{"a / b", []value.Value{value.Number("-2"), value.Number("3")}, "-0.666666666666667"},
		{"a / b * 3", []value.Value{value.Number("2"), value.Number("3")}, "2"},
		{"a / b", []value.Value{value.Number("2"), value.Number("0")}, "null"},
		{"a / b", []value.Value{value.Number("0"), value.Number("0")}, "null"},
		{"0 * a / b", []value.Value{nil, value.Number("1")}, "null"},
		{"a - a - b + b", []value.Value{value.Number("1e3"), value.Number("7")}, "0"},
		{"a * b", []value.Value{value.Number("99999999999999999999"), value.Number("99999999999999999999")}, "9999999999999999999800000000000000000001"},
		{"a * b", []value.Value{value.Number("99999999999999999999"), value.Number("999999999999999999999")}, "100000000000000000000000000000000000000000"},
		{"a / b", []value.Value{value.Number("1"), value.Number("1073741824")}, "0.000000000931322574615478515625"},
	} {
		v, e := arithmeticOf(test.text).Combine(test.of, []float64{0, 0})
		if got := jsonOf(v); got != test.want || e != 0 {
			t.Errorf("%s of %v is %s, with the error %v; want %s", test.text, test.of, got, e, test.want)
		}
	}
}

// The standard errors of estimates are carried on.
func TestArithmeticOfEstimates(t *testing.T) {
	for _, test := range []struct {
		text string
		want float64
	}{
		{"a + b", 0.005},     // 1.8 of 400
		{"a - b", 0.009},     // 1.8 of 200
		{"2 * a", 0.006},     // times a number
		{"a / b", 0.006},     // b is exact
		{"b / a", 0.006},     // as well
		{"a * a", 0.009},     // twice, taken for independent
		{"a - b - b - b", 1}, // of 0
		{"b / 7", 0},
	} {
		_, e := arithmeticOf(test.text).Combine([]value.Value{value.Number("300"), value.Number("100")}, []float64{0.006, 0})
		if e != test.want {
			t.Errorf("%s has the error %v, want %v", test.text, e, test.want)
		}
	}
}

// arithmeticOf is of two stats, a and b.
func arithmeticOf(text string) arithmetic {
	var numbers []int
	for _, r := range newFormula(text).References() {
		numbers = append(numbers, int(r.Text[0]-'a'))
	}
	return arithmetic{newFormula(text, numbers...)}
}
