// Package value has what the window of a stat amounts to: a number, quantiles,
// numbers by key, a histogram, or counts by name. A value is JSON in snapshots,
// and this type everywhere else: who wants its numbers walks over them with
// Numbers, whatever its shape.
package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
)

// A Value is one of Number, Quantiles, Keyed, Histogram and Counts. Nil is null,
// the value of nothing where that is not 0.
type Value interface {
	// Shape is the same for all values of a stat but null.
	Shape() Shape
	// AppendJSON appends the value as snapshots have it.
	AppendJSON(b []byte) []byte
	// walk calls yield with each number of the value in the order of its JSON,
	// until yield returns false, which it returns then. The labels are those of
	// what the value is a part of.
	walk(labels []Label, yield func([]Label, Number) bool) bool
	// extreme is Extreme of the value and another one that is not null.
	extreme(other Value, greater bool) Value
}

// A Shape names a type of Value. Its text is what the page gets.
type Shape string

// A shapeOf says how the values of a shape are known in JSON and read from it.
type shapeOf struct {
	shape Shape
	// begins reports whether its objects begin with a member of this name; nil:
	// they are not objects.
	begins func(member string) bool
	parse  func(data []byte) (Value, error)
}

// shapes has a line for each shape. A new one needs an example in value_test.go too,
// a panel in web/static/panels and a line in UNITS of web/static/value.js; tests say so.
var shapes = []shapeOf{
	{ShapeNumber, nil, parseNumber},
	{ShapeKeyed, beginsKeyed, parseKeyed},
	{ShapeHistogram, beginsHistogram, parseHistogram},
	{ShapeCounts, beginsCounts, parseCounts},
	{ShapeQuantiles, beginsQuantiles, parseQuantiles},
}

// Shapes gives all shapes.
func Shapes() []Shape {
	var all []Shape
	for _, s := range shapes {
		all = append(all, s.shape)
	}
	return all
}

// A Label tells a number from the other numbers of its value.
type Label struct {
	Name string // one of the constants below
	Text string
}

// Names of labels.
const (
	LabelQuantile = "quantile" // which, as a decimal: "0.95"
	LabelKey      = "key"      // the key that the number is of
	LabelKeys     = "keys"     // of keys: OtherKeys or DistinctKeys
	LabelBucket   = "le"       // the upper bound of a histogram's bucket, or Beyond
	LabelCount    = "count"    // what is counted
)

// Texts of the labels LabelKeys and LabelBucket.
const (
	OtherKeys    = "other"    // the value of all keys that have none of their own
	DistinctKeys = "distinct" // how many keys there are
	Beyond       = "+Inf"     // the bucket above the last bound
)

// Numbers gives each number of a value, in the order of its JSON, with the labels
// that tell it from the others; a value of one number has none. Labels are valid
// until the next number.
func Numbers(v Value) iter.Seq2[[]Label, Number] {
	return func(yield func([]Label, Number) bool) {
		if v != nil {
			v.walk(make([]Label, 0, 2), yield)
		}
	}
}

// Extreme gives the lesser or the greater of two values of a stat, number by
// number: of quantiles each one, of histograms and counts each count, of values by
// key each key's. Null is neither.
func Extreme(a, b Value, greater bool) Value {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return a.extreme(b, greater)
}

// AppendJSON appends a value as snapshots have it, also null.
func AppendJSON(b []byte, v Value) []byte {
	if v == nil {
		return append(b, "null"...)
	}
	return v.AppendJSON(b)
}

// Parse reads a value of any shape, as AppendJSON appends it.
func Parse(data []byte) (Value, error) {
	if string(data) == "null" {
		return nil, nil
	}
	if v, ok := cut(data); ok {
		return v, nil
	}
	return parse(data)
}

// parse is Parse by encoding/json.
func parse(data []byte) (Value, error) {
	member, object := firstMember(data)
	for _, s := range shapes {
		if !object && s.begins == nil || object && s.begins != nil && s.begins(member) {
			v, err := s.parse(data)
			if err != nil {
				return nil, fmt.Errorf("a value of shape %s: %w", s.shape, err)
			}
			return v, nil
		}
	}
	return nil, fmt.Errorf("a value has no known shape: %.80s", data)
}

// firstMember gives the name of the first member of an object, and whether data
// begins as an object does.
func firstMember(data []byte) (name string, object bool) {
	if len(data) == 0 || data[0] != '{' {
		return "", false
	}
	d := json.NewDecoder(bytes.NewReader(data[1:]))
	first, err := d.Token()
	name, _ = first.(string)
	return name, err == nil
}

// eachMember calls f with the name and the number of each member of an object
// whose members are numbers, in their order.
func eachMember(data []byte, f func(name string, n Number) error) error {
	if !json.Valid(data) {
		return errors.New("not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if _, err := d.Token(); err != nil { // the brace
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		its, err := d.Token()
		if err != nil {
			return err
		}
		n, ok := its.(json.Number)
		if !ok {
			return fmt.Errorf("%v is not a number, but %v", name, its)
		}
		if err := f(name.(string), Number(n)); err != nil {
			return err
		}
	}
	return nil
}
