package value

import (
	"reflect"
	"testing"
)

var cuts = []string{
	"0", "-1.5", "12", "18446744073709551616", "1e3", "01", "-", "1.", " 1",
	`{"0.5":18,"0.95":90}`, `{"0.5":18,}`, `{"2":1}`, `{}`, `{"0.5":1,"x":2}`,
	`{"in":2,"counted":2,"late":0}`, `{"in":-1}`, `{"in":1.5}`,
	`{"top":[],"other":null,"distinct":0}`,
	`{"top":[{"key":"a","value":9.5},{"key":"é","value":{"0.5":7,"0.99":20}},{"key":"b","value":null,"dropped":true}],"other":3,"distinct":12}`,
	`{"top":[{"key":"a\"","value":1}],"other":0,"distinct":1}`,
	`{"top":[{"key":"a","value":1}{"key":"b","value":1}],"other":0,"distinct":1}`,
	`{"top":[,{"key":"a","value":1}],"other":0,"distinct":1}`,
	"{\"top\":[{\"key\":\"\xff\",\"value\":1}],\"other\":0,\"distinct\":1}",
	`{"top":[{"key":"a","value":{}}],"other":0,"distinct":1}`,
	"{\"top\":[{\"key\":\"a\x01\",\"value\":1}],\"other\":0,\"distinct\":1}",
	"{\"top\":[{\"key\":\"a\n\",\"value\":1}],\"other\":0,\"distinct\":1}",
}

// What is cut is what encoding/json reads, and what AppendJSON writes is cut.
func TestCut(t *testing.T) {
	for _, text := range cuts {
		checkCut(t, []byte(text))
	}
	for _, text := range []string{"-1.5", cuts[9], cuts[14], cuts[18]} {
		if _, ok := cut([]byte(text)); !ok {
			t.Errorf("%s is read by encoding/json", text)
		}
	}
}

func checkCut(t *testing.T, data []byte) {
	t.Helper()
	got, ok := cut(data)
	if !ok {
		return
	}
	if want, err := parse(data); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s is %#v, want %#v, %v", data, got, want, err)
	}
}

func FuzzCut(f *testing.F) {
	for _, text := range cuts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkCut(t, data) })
}

func BenchmarkParse(b *testing.B) {
	for _, text := range []string{"12", cuts[9], cuts[14], cuts[18]} {
		for name, parse := range map[string]func([]byte) (Value, error){"cut": Parse, "json": parse} {
			b.Run(name+"/"+text[:min(len(text), 8)], func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_, _ = parse([]byte(text))
				}
			})
		}
	}
}
