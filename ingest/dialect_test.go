package ingest

import (
	"bytes"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/klauspost/compress/snappy"

	"pulse/stats/line"
)

func newDrainSpeaking(t testing.TB, speaks *dialect) *Drain {
	t.Helper()
	d, err := newDrainOf(speaks, speaks.name, newPipes(), nil, testSources, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// ship sends a body of the shop's to a dialect's first path, or another one.
func ship(t testing.TB, d *Drain, k *taker, path, media, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	if path == "" {
		path = strings.TrimSuffix(d.speaks.paths[0], "{$}")
	}
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.7:1234"
	r.Header.Set("Content-Type", media)
	r.Header.Set("Authorization", "Bearer "+testSources[0].Token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.handler(t.Context(), k.take).ServeHTTP(w, r)
	released(t, d)
	return w
}

// protobuf writes fields of a message: a number and what it has.
func protobuf(fields ...any) string {
	var b []byte
	for i := 0; i < len(fields); i += 2 {
		n := protowire.Number(fields[i].(int))
		switch v := fields[i+1].(type) {
		case string:
			b = protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), v)
		case int:
			b = protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), uint64(v))
		}
	}
	return string(b)
}

const bulkBody = `{"create":{"_index":"web","_id":"1"}}
{"@timestamp":"2026-11-27T18:21:43Z","message":"n=1"}
{"index":{}}
{ }

{"index":{"_id":"x\"y"}}
no JSON
{"delete":{"_index":"web","_id":"2"}}
{"update":{"_index":"web","_id":"2"}}
{"doc":{"n":1}}
`

// TestDialects sends what senders send, and wants lines and answers.
func TestDialects(t *testing.T) {
	long := strings.Repeat("x", line.MaxLen)
	for _, test := range []struct {
		name, path, media, body string
		speaks                  *dialect
		headers                 []string
		status                  int
		lines                   []string
		reply                   string
		rejected                int64
	}{
		{
			name: "OTLP as JSON", speaks: otlp, media: "application/json; charset=utf-8", status: 200, reply: "{}",
			body: `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"unknown":1,
				"scopeLogs":[{"scope":{"name":"cart"},"logRecords":[
				{"timeUnixNano":"1544712660300000000","observedTimeUnixNano":"1","severityNumber":17,"severityText":"Error","traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174",
				 "body":{"stringValue":"ms=12 \"two\nlines\"\u0001"},"attributes":[{"key":"n","value":{"intValue":"9007199254740993"}},{"key":"body","value":{"boolValue":true}},
				 {"key":"list","value":{"arrayValue":{"values":[{"doubleValue":0.5},{"doubleValue":"NaN"}]}}},{"key":"none","value":{}},{"key":"map","value":{"kvlistValue":{"values":[{"key":"time","value":{"bytesValue":"AQI="}}]}}}]},
				{"observedTimeUnixNano":1544712660000000000,"severityNumber":"SEVERITY_NUMBER_WARN2","eventName":"login","body":{"kvlistValue":{"values":[{"key":"a","value":{"intValue":"1"}}]}}}]}]},
				{"resource":null,"scopeLogs":[{"logRecords":[{"body":{"stringValue":"bare"}},{}]}]}]}`,
			lines: []string{
				`{"time":"2018-12-13T14:51:00.3Z","level":"Error","severity":17,"trace_id":"5b8efff798038103d269b633813fc60c","span_id":"eee19b7ec3c1b174","scope":"cart","resource":{"service.name":"shop"},"n":9007199254740993,"attributes.body":true,"list":[0.5,"NaN"],"none":null,"map":{"time":"AQI="},"body":"ms=12 \"two\nlines\"\u0001"}`,
				`{"time":"2018-12-13T14:51:00Z","level":"warn","severity":14,"event":"login","scope":"cart","resource":{"service.name":"shop"},"body":{"a":1}}`,
				`{"body":"bare"}`, `{}`,
			},
		},
		{
			name: "OTLP as protobuf", speaks: otlp, media: "application/x-protobuf", status: 200,
			body:  protobuf(1, protobuf(2, protobuf(2, protobuf(5, protobuf(1, "hi"), 10, "\x01\x02\x00\x00\x00\x00\x00\xff")), 1, protobuf(1, protobuf(1, "k", 2, protobuf(3, 7))))),
			lines: []string{`{"span_id":"01020000000000ff","resource":{"k":7},"body":"hi"}`},
		},
		{
			name: "OTLP that is not UTF-8", speaks: otlp, media: "application/x-protobuf", status: 200,
			body: protobuf(1, protobuf(2, protobuf(2, protobuf(5, protobuf(1, "caf\xe9 \xc3\xa9"), 9, "0123456789abcde\xff", 6, protobuf(1, "k\xff", 2, protobuf(6, protobuf(1, protobuf(1, "in", 2, protobuf(7, "\xff")))))))+
				protobuf(2, protobuf(5, protobuf(1, "hi"))), 1, protobuf(1, protobuf(1, "r", 2, protobuf(1, "\xff"))))),
			lines: []string{`{"trace_id":"303132333435363738396162636465ff","resource":{"r":"?"},"k?":{"in":"/w=="},"body":"caf? é"}`, `{"resource":{"r":"?"},"body":"hi"}`},
		},
		{name: "OTLP as JSON that is not UTF-8", speaks: otlp, media: "application/json", status: 200, reply: "{}",
			body:  `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"caf` + "\xe9" + `"},"traceId":"5b8efff798038103d269b633813fc60c"}]}]}]}`,
			lines: []string{`{"trace_id":"5b8efff798038103d269b633813fc60c","body":"caf` + "\ufffd" + `"}`}},
		{name: "ids that are not valid, as protobuf", speaks: otlp, media: "application/x-protobuf", status: 200,
			body:  protobuf(1, protobuf(2, protobuf(2, protobuf(5, protobuf(1, "hi"), 9, strings.Repeat("\x00", 16), 10, "eee19b7ec3c1b174")))),
			lines: []string{`{"body":"hi"}`}},
		{name: "ids that are not valid, as JSON", speaks: otlp, media: "application/json", status: 200, reply: "{}",
			body:  `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"!","spanId":"eee19b7ec3c1b174","body":{"stringValue":"x"}},{"traceId":"","spanId":"0000000000000000"}]}]}]}`,
			lines: []string{`{"span_id":"eee19b7ec3c1b174","body":"x"}`, `{}`}},
		{name: "OTLP as JSON by the names of protobuf", speaks: otlp, media: "application/json", status: 200, reply: "{}",
			body:  `{"resource_logs":[{"schema_url":"u","scope_logs":[{"log_records":[{"observed_time_unix_nano":"1544712660300000000","severity_number":9}]}]}]}`,
			lines: []string{`{"time":"2018-12-13T14:51:00.3Z","level":"info","severity":9}`}},
		{name: "OTLP of no records", speaks: otlp, media: "application/json", status: 200, reply: "{}", body: `{"resourceLogs":[{"resource":{}},{"scopeLogs":[{"scope":{"name":"x"},"schemaUrl":"u"}]}]}`},
		{name: "a body of bytes", speaks: otlp, media: "application/x-protobuf", status: 200,
			body:  protobuf(1, protobuf(2, protobuf(2, protobuf(5, protobuf(7, "n=1 é"))), 2, protobuf(2, protobuf(5, protobuf(7, "\xff\x00"))))),
			lines: []string{`{"body":"n=1 é"}`, `{"body":"/wA="}`}},
		{name: "a body of a list", speaks: otlp, media: "application/x-protobuf", status: 200,
			body:  protobuf(1, protobuf(2, protobuf(2, protobuf(5, protobuf(5, protobuf(1, protobuf(1, "a"), 1, protobuf(5, protobuf(1, protobuf(3, 1))))))))),
			lines: []string{`{"body":["a",[1]]}`}},
		{name: "traces", speaks: otlp, media: "application/json", status: 400, body: `{"resourceSpans":[{}]}`,
			reply: `{"code":3,"message":"the body is not an OTLP ExportLogsServiceRequest: an object has no resourceLogs: {\"resourceSpans\":[{}]}"}`},
		{name: "OTLP of long ago", speaks: otlp, media: "application/json", status: 400, body: `{"resourceLogs":[{"instrumentationLibraryLogs":[{}]}]}`},
		{name: "a path of OTLP without logs", speaks: otlp, path: "/", media: "application/x-protobuf", status: 404,
			reply: `{"code":5,"message":"there is nothing at POST /: lines are taken by POST at /v1/logs"}`},
		{name: "OTLP, gzip", speaks: otlp, media: "application/json", status: 200, headers: []string{"Content-Encoding", "gzip"}, reply: "{}",
			body: pack(t, "gzip", []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}`)), lines: []string{`{"body":"x"}`}},
		{name: "OTLP of nothing", speaks: otlp, media: "application/x-protobuf", status: 200},
		{name: "an OTLP record too long, as JSON", speaks: otlp, media: "application/json", status: 200, rejected: 1,
			body:  `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"` + long + `"}},{"body":{"stringValue":"x"}}]}]}]}`,
			lines: []string{`{"body":"x"}`}, reply: `{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"a record is longer than 65536 bytes as a line"}}`},
		{name: "an OTLP record too long, as protobuf", speaks: otlp, media: "application/x-protobuf", status: 200, rejected: 1,
			body: protobuf(1, protobuf(2, protobuf(2, protobuf(5, protobuf(1, long))))), reply: protobuf(1, protobuf(1, 1, 2, "a log record is longer than 65536 bytes"))},
		{name: "no OTLP, as JSON", speaks: otlp, media: "application/json", status: 400, body: `{"resourceLogs":{}}`,
			reply: `{"code":3,"message":"the body is not an OTLP ExportLogsServiceRequest: \"{}\" is not an array"}`},
		{name: "no OTLP, as protobuf", speaks: otlp, media: "application/x-protobuf", status: 400, body: "\x0a\xff",
			reply: protobuf(1, 3, 2, "the body is not an OTLP ExportLogsServiceRequest: unexpected EOF")},
		{name: "OTLP of something else", speaks: otlp, media: "text/plain", status: 415},
		{name: "a resource for too many records", speaks: otlp, media: "application/x-protobuf", status: 413,
			body: protobuf(1, protobuf(1, protobuf(1, protobuf(1, "k", 2, protobuf(1, long[:60_000]))), 2, strings.Repeat(protobuf(2, ""), 1000)))},

		{
			name: "Loki as JSON", speaks: loki, media: "application/json", status: 204,
			body: `{"streams":[{"stream":{"job":"nginx","time":"x","app":"a"},"values":[["1544712660300000000","GET / 200"],["1544712660000000000","",{"trace":"t","app":"b"}]]},{"labels":"{a=\"b\"}","values":null}]}`,
			lines: []string{
				`{"time":"2018-12-13T14:51:00.3Z","app":"a","job":"nginx","label.time":"x","message":"GET / 200"}`,
				`{"time":"2018-12-13T14:51:00Z","app":"a","job":"nginx","label.time":"x","metadata.app":"b","trace":"t","message":""}`,
			},
		},
		{
			name: "Loki as protobuf", speaks: loki, media: "application/x-protobuf", status: 204, path: "/api/prom/push",
			body: string(snappy.Encode(nil, []byte(protobuf(1, protobuf(1, `{job="nginx", app="a,}\"b"}`,
				2, protobuf(1, protobuf(1, 1544712660, 2, 5), 2, "GET / 200", 3, protobuf(1, "trace", 2, "t"), 3, protobuf(1, "app", 2, "b"))))))),
			lines: []string{`{"time":"2018-12-13T14:51:00.000000005Z","job":"nginx","app":"a,}\"b","trace":"t","metadata.app":"b","message":"GET / 200"}`},
		},
		{
			name: "times of Loki's that are out of range", speaks: loki, media: "application/x-protobuf", status: 204, rejected: 2,
			body: string(snappy.Encode(nil, []byte(protobuf(1, protobuf(1, "{}", 2, protobuf(1, protobuf(1, 1<<62), 2, "x"), 2, protobuf(1, protobuf(1, -1), 2, "x"),
				2, protobuf(1, protobuf(1, 1544712660), 2, "n=1")))))),
			lines: []string{`{"time":"2018-12-13T14:51:00Z","message":"n=1"}`},
		},
		{name: "Loki as snappy's stream", speaks: loki, media: "application/x-protobuf", status: 204, headers: []string{"Content-Encoding", "snappy"},
			body:  pack(t, "snappy", []byte(protobuf(1, protobuf(1, "{a=`b`, }", 2, protobuf(1, protobuf(1, 1544712660), 2, "n=1"))))),
			lines: []string{`{"time":"2018-12-13T14:51:00Z","a":"b","message":"n=1"}`}},
		{name: "snappy that is damaged", speaks: loki, media: "application/x-protobuf", status: 400, headers: []string{"Content-Encoding", "snappy"},
			body: "\xff\x06\x00\x00sNaPpY\x01\x05\x00\x00\x01\x02\x03\x04x", reply: "the body cannot be decompressed: it does not match its Content-Encoding\n"},
		{name: "Loki as JSON, gzip", speaks: loki, media: "application/json", status: 204, headers: []string{"Content-Encoding", "gzip", "X-Scope-OrgID", "t"},
			body: pack(t, "gzip", []byte(`{"streams":[{"stream":{},"values":[["1544712660000000000","x",{}]]}]}`)), lines: []string{`{"time":"2018-12-13T14:51:00Z","message":"x"}`}},
		{name: "a number for a time of Loki's", speaks: loki, media: "application/json", status: 400, body: `{"streams":[{"values":[[1,"y"]]}]}`},
		{name: "metadata of Loki's that is no text", speaks: loki, media: "application/json", status: 400, body: `{"streams":[{"values":[["1","y",{"a":1}]]}]}`},
		{name: "Loki's other endpoint", speaks: loki, path: "/otlp/v1/logs", media: "application/json", status: 404,
			reply: "there is nothing at POST /otlp/v1/logs: lines are taken by POST at /loki/api/v1/push, /api/prom/push\n"},
		{name: "Loki's labels that are none", speaks: loki, media: "application/x-protobuf", status: 400, body: string(snappy.Encode(nil, []byte(protobuf(1, protobuf(1, `job="x"`))))),
			reply: "the body is not a push request of Loki: the labels \"job=\\\"x\\\"\" cannot be read: write {name=\"value\", …}\n"},
		{name: "Loki without snappy", speaks: loki, media: "application/x-protobuf", status: 400, body: "\xff", reply: "the body cannot be decompressed: it does not match its Content-Encoding\n"},
		{name: "a value of Loki's that is none", speaks: loki, media: "application/json", status: 400, body: `{"streams":[{"values":[["x","y"]]}]}`,
			reply: "the body is not a push request of Loki: [\"x\",\"y\"] is not a value: write [\"<unix nanoseconds>\", \"<line>\"]\n"},

		{
			name: "bulk", speaks: elasticsearch, path: "/logs/_bulk", media: "application/x-ndjson", status: 200, body: bulkBody, rejected: 3,
			lines: []string{`{"_index":"web","@timestamp":"2026-11-27T18:21:43Z","message":"n=1"}`, `{"_index":"logs"}`},
			reply: `{"took":0,"errors":true,"items":[{"create":{"status":201,"_index":"web","_id":"1"}},{"index":{"status":201,"_index":"logs","_id":""}},` +
				`{"index":{"status":400,"_index":"","_id":"x\"y","error":{"type":"mapper_parsing_exception","reason":"the document is not a JSON object"}}},` +
				`{"delete":{"status":400,"_index":"web","_id":"2","error":{"type":"mapper_parsing_exception","reason":"only index and create are taken"}}},` +
				`{"update":{"status":400,"_index":"web","_id":"2","error":{"type":"mapper_parsing_exception","reason":"only index and create are taken"}}}]}`,
		},
		{name: "bulk of a newer client", speaks: elasticsearch, media: "application/vnd.elasticsearch+x-ndjson; compatible-with=8", status: 200, body: "{\"create\":{}}\n{\"a\":1}",
			lines: []string{`{"a":1}`}, reply: `{"took":0,"errors":false,"items":[{"create":{"status":201,"_index":"","_id":""}}]}`},
		{name: "bulk with parameters, gzip", speaks: elasticsearch, path: "/a/_doc/_bulk?filter_path=errors,items.*.error&pipeline=p&refresh=false", media: "application/json", status: 200,
			headers: []string{"Content-Encoding", "gzip"}, body: pack(t, "gzip", []byte("{\"index\":{\"_type\":\"_doc\",\"routing\":\"r\"}}\r\n{\"a\":1}\r\n")),
			lines: []string{`{"_index":"a","a":1}`}, reply: `{"took":0,"errors":false,"items":[{"index":{"status":201,"_index":"a","_id":""}}]}`},
		{name: "bulk without its last document", speaks: elasticsearch, media: "application/x-ndjson", status: 200, body: "{\"create\":{}}\n{}\n{\"create\":{}}\n", lines: []string{"{}"}, rejected: 1},
		{name: "bulk of nothing", speaks: elasticsearch, media: "application/x-ndjson", status: 200, body: "\n", reply: `{"took":0,"errors":false,"items":[]}`},
		{name: "a document that is a list", speaks: elasticsearch, media: "application/x-ndjson", status: 200, body: "{\"create\":{}}\n[1]\n", rejected: 1},
		{name: "templates", speaks: elasticsearch, path: "/_index_template/logs", media: "application/json", status: 404,
			reply: `{"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"there is nothing at POST /_index_template/logs: lines are taken by POST at /_bulk, /{index}/_bulk, /{index}/{type}/_bulk"}],"type":"illegal_argument_exception","reason":"there is nothing at POST /_index_template/logs: lines are taken by POST at /_bulk, /{index}/_bulk, /{index}/{type}/_bulk"},"status":404}`},
		{name: "no bulk", speaks: elasticsearch, media: "application/x-ndjson", status: 400, body: "{\"a\":1}\n",
			reply: `{"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"the body is not that of a bulk request: line 1 is not an action: write {\"create\":{}}"}],"type":"illegal_argument_exception","reason":"the body is not that of a bulk request: line 1 is not an action: write {\"create\":{}}"},"status":400}`},

		{name: "an array", speaks: httpLines, media: "application/json", status: 204, body: ` [{"a": 1},` + "\n" + `{"date":1.5,"log":"x\n"}]`, lines: []string{`{"a":1}`, `{"date":1.5,"log":"x\n"}`}},
		{name: "objects", speaks: httpLines, media: "application/json", status: 204, body: "{\"a\":1}{\"b\":\n2}\n", lines: []string{`{"a":1}`, `{"b":2}`}},
		{name: "lines of JSON", speaks: httpLines, media: "application/x-ndjson", status: 204, body: "{\"a\":1}\n\n{\"b\":2}", lines: []string{`{"a":1}`, "", `{"b":2}`}},
		{name: "lines", speaks: httpLines, path: "/lines", media: "text/plain", status: 204, body: "[x] a=1\nb\n", lines: []string{"[x] a=1", "b"}},
		{name: "Fluent Bit's json_stream", speaks: httpLines, media: "application/json", status: 204, body: `{"date":1544712660.3,"log":"x"}{"date":"2018-12-13 14:51:00.300681","log":"y"}`,
			lines: []string{`{"date":1544712660.3,"log":"x"}`, `{"date":"2018-12-13 14:51:00.300681","log":"y"}`}},
		{name: "Fluent Bit's msgpack", speaks: httpLines, media: "application/msgpack", status: 415, body: "\x92"},
		{name: "what curl says without more", speaks: httpLines, media: "application/x-www-form-urlencoded", status: 415, body: "a=1",
			reply: "the Content-Type is not application/json or application/x-ndjson or application/jsonl or application/x-jsonlines or application/stream+json or text/plain\n"},
		{name: "an array of .NET", speaks: httpLines, media: "application/json", status: 204, body: "\ufeff[{\"a\":1}]", lines: []string{`{"a":1}`}},
		{name: "an empty array", speaks: httpLines, media: "application/json", status: 204, body: "[]"},
		{name: "deflate", speaks: httpLines, media: "text/plain", status: 415, headers: []string{"Content-Encoding", "deflate"}, body: "x", reply: "unknown Content-Encoding: use gzip, zstd or snappy\n"},
		{name: "gzip that is cut", speaks: httpLines, media: "text/plain", status: 400, headers: []string{"Content-Encoding", "gzip"}, body: pack(t, "gzip", []byte("abc\n"))[:12]},
		{name: "half an array", speaks: httpLines, media: "application/json", status: 400, body: `[{"a":1}`, reply: "the body is not JSON objects, one after the other or in an array: the array has no end\n"},
		{name: "an array and more", speaks: httpLines, media: "application/json", status: 400, body: `[{"a":1}]{}`, reply: "the body is not JSON objects, one after the other or in an array: something follows the array\n"},
		{name: "numbers", speaks: httpLines, media: "application/json", status: 400, body: `[1]`, reply: "the body is not JSON objects, one after the other or in an array: 1 is not an object\n"},
		{name: "no JSON", speaks: httpLines, media: "application/json", status: 400, body: `hello`},
		{name: "too large", speaks: httpLines, media: "text/plain", status: 413, body: strings.Repeat("x\n", shippersBody/2+1),
			reply: "the body is too large: send requests of at most 10485760 bytes, 10485760 when decompressed\n"},
		{name: "a wrong token", speaks: httpLines, media: "text/plain", status: 401, headers: []string{"Authorization", "Bearer x"}},
		{name: "a key of an API", speaks: httpLines, media: "text/plain", status: 204, headers: []string{"Authorization", "ApiKey " + testSources[0].Token}},
		{name: "a password", speaks: httpLines, media: "text/plain", status: 204, headers: []string{"Authorization", "Basic bG9nczpodW50ZXIy"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, k := newDrainSpeaking(t, test.speaks), &taker{}
			w := ship(t, d, k, test.path, test.media, test.body, test.headers...)
			if w.Code != test.status {
				t.Fatalf("answered %d, want %d: %s", w.Code, test.status, w.Body)
			}
			if got, want := strings.Join(k.taken(), "\n"), strings.Join(test.lines, "\n"); got != want {
				t.Errorf("got lines\n%s\nwant\n%s", got, want)
			}
			if got := w.Body.String(); test.reply != "" && got != test.reply {
				t.Errorf("answered\n%s\nwant\n%s", got, test.reply)
			}
			lines := int64(0)
			for _, l := range test.lines {
				if l != "" {
					lines++
				}
			}
			if got, refused := d.Counts.Accepted.Load(), d.Counts.Refused.Load(); got != lines || refused != test.rejected {
				t.Errorf("%d lines are accepted and %d refused, want %d and %d", got, refused, lines, test.rejected)
			}
		})
	}
}

// What the lines of a dialect have around their text is taken off, and their time is the
// record's.
func TestDialectsAreUnwrapped(t *testing.T) {
	d, k := newDrainSpeaking(t, otlp), &taker{}
	ship(t, d, k, "", "application/json", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1544712660300000000","body":{"stringValue":"ms=12 user=u"}}]}]}]}`)
	want := map[string]string{"ms": "12", "user": "u", "drain": "shop", "remote": "192.0.2.7", "app": "shop"}
	var fields []line.Field
	for name := range want {
		fields = append(fields, line.Field{Name: name})
	}
	schema, err := line.NewSchema(fields...)
	if err != nil {
		t.Fatal(err)
	}
	var event line.Event
	scanner := schema.NewScanner()
	scanner.From(k.origins[0])
	text := k.taken()[0]
	scanner.Parse(&event, append([]byte(text), make([]byte, line.Padding)...), 0, len(text))
	if at, nanos, dated := event.Time(); !dated || at != 1544712660 || nanos != 300000000 {
		t.Errorf("its time is %d and %d ns", at, nanos)
	}
	for name, want := range want {
		if got := string(event.Bytes(schema.Slot(name))); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// While Kafka is away senders are told when to send again.
func TestDialectsSayWhenToSendAgain(t *testing.T) {
	for _, speaks := range []*dialect{otlp, loki, elasticsearch, httpLines} {
		d, k := newDrainSpeaking(t, speaks), &taker{fail: io.ErrClosedPipe}
		media, body := "application/json", map[*dialect]string{
			otlp: `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}`, loki: `{"streams":[{"values":[["1","x"]]}]}`,
			elasticsearch: "{\"create\":{}}\n{}\n", httpLines: "{}",
		}[speaks]
		w := ship(t, d, k, "", media, body)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" {
			t.Errorf("%s answered %d, and Retry-After: %q", speaks.name, w.Code, w.Header().Get("Retry-After"))
		}
	}
}

// Senders ask before they send; who may not send gets no answer.
func TestDialectsGreet(t *testing.T) {
	for _, speaks := range []*dialect{elasticsearch, loki, httpLines} {
		d := newDrainSpeaking(t, speaks)
		for path := range speaks.greetings {
			for token, want := range map[string]bool{testSources[0].Token: true, "x": false} {
				r := httptest.NewRequest("GET", strings.TrimSuffix(path, "{$}"), nil)
				r.Header.Set("Authorization", "Bearer "+token)
				w := httptest.NewRecorder()
				d.handler(t.Context(), (&taker{}).take).ServeHTTP(w, r)
				if got := w.Code == 200 || w.Code == 204; got != want {
					t.Errorf("%s: GET %s with %s was answered with %d", speaks.name, path, token, w.Code)
				}
			}
		}
	}
}

// FuzzDialects: whatever a body is, lines are lines, and no memory is kept.
func FuzzDialects(f *testing.F) {
	f.Add(uint8(0), false, []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"00","body":{"stringValue":"x"}}]}]}]}`))
	f.Add(uint8(0), true, []byte(protobuf(1, protobuf(2, protobuf(2, protobuf(5, protobuf(1, "hi"), 9, "\x01\x02"))))))
	f.Add(uint8(1), false, []byte(`{"streams":[{"stream":{"a":"b"},"values":[["1","x",{"c":"d"}]]}]}`))
	f.Add(uint8(1), true, []byte(protobuf(1, protobuf(1, `{a="b"}`, 2, protobuf(1, protobuf(1, 1), 2, "x")))))
	f.Add(uint8(2), false, []byte(bulkBody))
	f.Add(uint8(3), false, []byte("[{}]"))
	f.Fuzz(func(t *testing.T, which uint8, protobuf bool, body []byte) {
		speaks := []*dialect{otlp, loki, elasticsearch, httpLines}[which%4]
		media := jsonMedia
		if protobuf {
			media = protobufMedia
		}
		memory := &budget{most: shippersMemory}
		set, err := speaks.read(request{path: "/_bulk", media: media, body: bytes.Clone(body)}, memory)
		if held := memory.used.Load(); held != int64(set.held) {
			t.Errorf("%d bytes are held, and %d said to be", held, set.held)
		}
		if err == nil && speaks != httpLines && bytes.Count(set.lines, []byte{'\n'}) != set.count {
			t.Errorf("%d lines are said to be in %q", set.count, set.lines)
		}
	})
}

// ids that are not Base64 in JSON are refused, not changed.
func TestOTLPIDs(t *testing.T) {
	for _, id := range []string{"5b8efff798038103d269b633813fc60c", "00000000000000000000000000000000"} {
		if decoded, err := base64.StdEncoding.DecodeString(id); err != nil || base64.StdEncoding.EncodeToString(decoded) != id {
			t.Errorf("%s is not what is decoded and encoded", id)
		}
	}
}
