package line

import (
	"maps"
	"strings"
	"testing"
)

// TestUnwrap: the line in an envelope that its origin names has its fields beside those
// of the envelope, and its time if it has one.
func TestUnwrap(t *testing.T) {
	const at = "2012-11-22T09:31:34Z"
	s := newSchema(t, "unparsed", "status", "n", "msg", "level", "host")
	sc, ev := s.NewScanner(), new(Event)
	for _, test := range []struct {
		unwrap, line, time string
		half               bool
		want               fields
	}{
		{"json:message", `{"message":"n=1 status=500","host":"a","timestamp":"` + at + `"}`, at, false, fields{"n": "1", "status": "500", "host": "'a", "msg": "'n=1 status=500"}},
		{"json:message", `{"message":"time=` + at + ` n=1","timestamp":"2012-11-22T09:31:59Z"}`, at, false, fields{"n": "1", "msg": "'time=" + at + " n=1"}},
		{"json:message", `{"message":"time=` + at + ` n=1"}`, at, false, fields{"n": "1", "msg": "'time=" + at + " n=1"}},
		{"json:message", `{"n":1,"message":"{\"n\":2,\"status\":500}\n"}`, "", false, fields{"n": "2", "status": "500", "msg": `'{"n":2,"status":500}`}},
		{"json:message", `{"log":"n=1 status=2","stream":"a","message":"n=3 status=4"}`, "", false, fields{"n": "3", "status": "4", "msg": "'n=3 status=4"}},
		{"json:message", `{ "a" : {"message":"n=1"}, "b":[1,{}], "c":null, "d":-1.5e3, "message" : "n=2 x=y" }`, "", false, fields{"n": "2", "msg": "'n=2 x=y"}},
		{"json:a.b", `{"a":{"c":{},"b":"n=1 x=y"},"n":7}`, "", false, fields{"n": "1", "msg": "'n=1 x=y"}},
		{"json:a.b", `{"a.b":"n=1 x=y"}`, "", false, fields{"n": "1", "msg": "'n=1 x=y"}},
		{"json:a.b", `{"a":"n=1 x=y","a.":{"b":"n=2 x=y"}}`, "", false, fields{"msg": `'{"a":"n=1 x=y","a.":{"b":"n=2 x=y"}}`}},
		{"json:message", `{"message":"hello there","n":1}`, "", true, fields{"n": "1", "msg": "'hello there"}},
		{"json:message", `{"message":500,"n":1}`, "", false, fields{"n": "1", "msg": `'{"message":500,"n":1}`}},
		{"json:message", `{}`, "", false, fields{"msg": "'{}"}},
		{"json:message", `n=1 status=2`, "", false, fields{"n": "1", "status": "2", "msg": "'n=1 status=2"}},
		{"json:message", at + ` stdout F {"message":"n=1 x=y"}`, at, false, fields{"n": "1", "msg": "'n=1 x=y"}},
		{"cri", at + ` stdout F n=1 x=y`, at, false, fields{"n": "1", "msg": "'n=1 x=y"}},
		{"", `{"__REALTIME_TIMESTAMP":"1353576694000000","MESSAGE":"n=1 x=y"}`, at, false, fields{"n": "1", "msg": "'n=1 x=y"}},
		{"journald", `{"MESSAGE":"` + at + ` hello","__REALTIME_TIMESTAMP":"1353576694000000"}`, at, true, fields{"msg": "'" + at + " hello"}},
		{"", `{"MESSAGE":[27, 91,51,49,109,110,61,49,32,120,61,121,27,91,109,10],"__REALTIME_TIMESTAMP":"1353576694000000"}`, at, false, fields{"n": "1", "msg": "'n=1 x=y"}},
		{"", `{"MESSAGE":[104,105],"__REALTIME_TIMESTAMP":"1353576694000000","n":"1"}`, at, true, fields{"n": "1", "msg": "'hi"}},
		{"", `{"MESSAGE":[104,256],"__REALTIME_TIMESTAMP":"1353576694000000","n":"1"}`, at, false, fields{"n": "1", "msg": `'{"MESSAGE":[104,256],"__REALTIME_TIMESTAMP":"1353576694000000","n":"1"}`}},
		{"", `{"MESSAGE":["n=1"],"__REALTIME_TIMESTAMP":"1353576694000000"}`, at, false, fields{"msg": `'{"MESSAGE":["n=1"],"__REALTIME_TIMESTAMP":"1353576694000000"}`}},
		{"", `{"MESSAGE":[],"__REALTIME_TIMESTAMP":"1353576694000000"}`, at, false, fields{"msg": `'{"MESSAGE":[],"__REALTIME_TIMESTAMP":"1353576694000000"}`}},
		{"", `{"MESSAGE":[[104]],"__REALTIME_TIMESTAMP":"1353576694000000"}`, at, false, fields{"msg": `'{"MESSAGE":[[104]],"__REALTIME_TIMESTAMP":"1353576694000000"}`}},
		{"", `{"MESSAGE":"n=1 x=y"}`, "", true, fields{"msg": `'{"MESSAGE":"n=1 x=y"}`}},
	} {
		o, err := NewOrigin(UnwrapField, test.unwrap)
		if err != nil {
			t.Fatal(err)
		}
		sc.From(o)
		sc.Parse(ev, buffer(test.line), 0, len(test.line))
		second, nanos, ok := ev.Time()
		at, half := formatTime(second*1e9+int64(nanos), ok), strings.HasSuffix(shapeOf(s, ev), ", half")
		if got := describe(s, ev); !maps.Equal(got, test.want) || at != test.time || half != test.half {
			t.Errorf("%s of %s\n got %v at %q, half %t\nwant %v at %q, half %t", test.unwrap, test.line, got, at, half, test.want, test.time, test.half)
		}
	}
	for _, value := range []string{"json", "json:", "xml:a", "message"} {
		if _, err := NewOrigin(UnwrapField, value); err == nil {
			t.Errorf("%q is an envelope", value)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	f.Add([]byte(`{"message":"n=1 status=500"}`), "message")
	f.Add([]byte(`{"a":{"b":"{\"c\":1}"},"x":[{}],"y":-1e3}`), "a.b")
	f.Add([]byte(`{"__REALTIME_TIMESTAMP":"1353576694000000","MESSAGE":"n=1 x=y"}`), "MESSAGE")
	f.Add([]byte(`{"__REALTIME_TIMESTAMP":"1353576694000000","MESSAGE":[27,91,109,110,61,49]}`), "x")
	s, names := fuzzSchema(f)
	used := s.NewScanner()
	f.Fuzz(func(t *testing.T, text []byte, member string) {
		if o, err := NewOrigin(UnwrapField, jsonEnvelope+member); err == nil {
			checkParse(t, s, used, names, o, text)
		}
	})
}
