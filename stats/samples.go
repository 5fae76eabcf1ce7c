package stats

import (
	"fmt"
	"slices"
	"time"

	"pulse/stats/condition"
	"pulse/stats/fixed"
	"pulse/stats/format"
	"pulse/stats/line"
)

// CheckSamples gives what is wrong with the samples of the file's formats: lines that
// their format does not read, or another one first, and fields with other values. An
// error is of type Errors.
func (d *Definitions) CheckSamples(file string) error {
	var errs Errors
	for i, samples := range d.Samples {
		for _, s := range samples {
			e, err := d.checkSample(i, s)
			if err != nil {
				return err
			}
			if e != nil {
				e.File = file
				errs = append(errs, e)
			}
		}
	}
	if errs == nil {
		return nil
	}
	return errs
}

// checkSample gives what is wrong with a sample of the format of a number.
func (d *Definitions) checkSample(number int, s Sample) (*Error, error) {
	own := d.Formats[number]
	// The sample's line comes from where the format's lines do.
	var formats []*format.Format
	at := 0
	for i, f := range d.Formats {
		if f.Where != nil && condition.Format(f.Where) != condition.Format(own.Where) {
			continue
		}
		if i == number {
			at = len(formats)
		}
		f := *f
		f.Where = nil
		formats = append(formats, &f)
	}
	var fields []line.Field
	for _, f := range s.Fields {
		if !slices.ContainsFunc(fields, func(known line.Field) bool { return known.Name == f.Name }) {
			fields = append(fields, line.Field{Name: f.Name})
		}
	}
	schema, err := line.NewSchemaOf(formats, fields...)
	if err != nil {
		return nil, err
	}
	sc, ev := schema.NewScanner(), new(line.Event)
	if s.Time >= 0 {
		sc.NearRecorded(s.Time / 1e9)
	} else {
		sc.NearRecorded(UndatedSample.Unix())
	}
	sc.Parse(ev, append([]byte(s.Text), make([]byte, line.Padding)...), 0, len(s.Text))

	wrong := func(line, column int, text string, args ...any) *Error {
		return &Error{Line: line, Column: column, Message: fmt.Sprintf(text, args...)}
	}
	if !ev.Fitted(at) {
		for i, f := range formats {
			if i != at && f.In == own.In && ev.Fitted(i) {
				return wrong(s.Line, s.Column, "the format %s takes this sample of %s first: put %s above it, or have it fit fewer lines", f.Name, own.Name, own.Name), nil
			}
		}
		return wrong(s.Line, s.Column, "the format %s does not fit its sample: the line is %s", own.Name, schema.AppendShape(nil, ev.Shape())), nil
	}
	for _, f := range s.Fields {
		slot := schema.Slot(f.Name)
		switch {
		case !ev.Has(slot):
			if !f.Missing {
				return wrong(f.Line, f.Column, "the sample's line has no %s", f.Name), nil
			}
		case f.Missing || !sameValue(ev, slot, f.Value):
			return wrong(f.Line, f.Column, "%s is %.200q in the sample's line", f.Name, ev.Bytes(slot)), nil
		}
	}
	if second, nanos, dated := ev.Time(); s.Time >= 0 && (!dated || second*1e9+int64(nanos) != s.Time) {
		got := "none"
		if dated {
			got = time.Unix(second, int64(nanos)).UTC().Format(time.RFC3339Nano)
		}
		return wrong(s.Line, s.Column, "the time of the sample's line is %s, not %s", got, time.Unix(0, s.Time).UTC().Format(time.RFC3339Nano)), nil
	}
	return nil, nil
}

// UndatedSample is when the lines of samples and tests were written of which nothing says
// the time.
var UndatedSample = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// sameValue reports whether a field is what a file has: the same text, or number.
func sameValue(ev *line.Event, slot line.Slot, value string) bool {
	if string(ev.Bytes(slot)) == value {
		return true
	}
	want, ok := fixed.Parse([]byte(value))
	got, ok2 := ev.Number(slot)
	return ok && ok2 && got == want
}

// parseRFC3339 reads a time as Unix nanoseconds.
func parseRFC3339(text string) (int64, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return -1, err
	}
	return t.UnixNano(), nil
}
