package value

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
)

// ShapeNumber is the shape of a Number.
const ShapeNumber Shape = "number"

// A Number is a decimal as JSON has it. It has all digits of an exact value.
type Number string

// Float gives a Number of a float64, in as few digits as read back to it.
func Float(f float64) Number {
	var buf [32]byte
	return Number(strconv.AppendFloat(buf[:0], f, 'f', -1, 64))
}

// Count gives a Number of a count.
func Count(n uint64) Number { return Number(strconv.FormatUint(n, 10)) }

// Float64 returns the nearest float64.
func (n Number) Float64() float64 {
	f, _ := strconv.ParseFloat(string(n), 64) // beyond its range it is infinite
	return f
}

// Compare returns -1, 0 or 1 as n is less than, equal to or greater than m, exactly.
func (n Number) Compare(m Number) int {
	if c := cmp.Compare(n.Float64(), m.Float64()); c != 0 || n == m {
		return c
	}
	return n.Rat().Cmp(m.Rat())
}

// Rat returns n exactly.
func (n Number) Rat() *big.Rat {
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return new(big.Rat) // not a number, which no value is
	}
	return r
}

// Shape implements Value.
func (Number) Shape() Shape { return ShapeNumber }

// AppendJSON implements Value.
func (n Number) AppendJSON(b []byte) []byte { return append(b, n...) }

func (n Number) walk(labels []Label, yield func([]Label, Number) bool) bool { return yield(labels, n) }

func (n Number) extreme(other Value, greater bool) Value {
	o, ok := other.(Number)
	if x, y := n.Float64(), o.Float64(); ok && x != y && y > x == greater {
		return o
	}
	return n
}

func parseNumber(data []byte) (Value, error) {
	var n json.Number
	if err := json.Unmarshal(data, &n); err != nil {
		return nil, err
	}
	if data[0] == '"' || n == "" {
		return nil, fmt.Errorf("not a number, but %.80s", data)
	}
	return Number(n), nil
}
