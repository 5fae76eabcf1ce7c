package ingest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"pulse/stats/line"
)

var otlpKind = drainOf(otlp)

// otlp is the dialect of OpenTelemetry's exporters and collectors: OTLP/HTTP 1.x, logs
// alone, as protobuf or JSON. A log record becomes a line of JSON:
//
//	{"time":"…","level":"error","severity":17,"trace_id":"…","span_id":"…","event":"…",
//	 "scope":"…","resource":{"service.name":"shop"},"http.status_code":500,"body":"…"}
var otlp = &dialect{
	name: "otlp",
	help: "accept OpenTelemetry logs (OTLP over HTTP) on this `address`, or over HTTPS with --tls-cert",
	doc: KindDoc{"`otlp`", "`input`, `drain` (the source), `remote`, and the source's",
		"503 with Retry-After: the exporter sends again", "nothing: 200 comes after Kafka's acknowledgement"},
	paths: []string{"/v1/logs"},
	media: []string{protobufMedia, jsonMedia},
	body:  shippersBody, unpacked: shippersBody, memory: shippersMemory,
	token: bearer, unwrap: "json:body",
	read:   readOTLP,
	accept: acceptOTLP,
	refuse: refuseOTLP,
}

// Members of a line that no attribute can have the name of.
var otlpMembers = []string{"time", "level", "severity", "trace_id", "span_id", "event", "scope", "resource", "body"}

// Field numbers of OTLP's messages, of which one level after the other is read, so that
// a body never takes up much more memory than it has bytes.
const (
	otlpResourceLogs = 1 // of ExportLogsServiceRequest
	otlpResource     = 1 // of ResourceLogs
	otlpScopeLogs    = 2
	otlpScope        = 1 // of ScopeLogs
	otlpRecords      = 2
)

var errOTLP = errors.New("the body is not an OTLP ExportLogsServiceRequest")

// otlpLogs makes lines of records.
type otlpLogs struct {
	shipment
	unmarshal func([]byte, proto.Message) error
	isJSON    bool
	resource  []byte // a member of a line, made of what all records of a resource have
	scope     []byte
	text      []byte
}

func readOTLP(r request, memory *budget) (lineSet, error) {
	o := &otlpLogs{shipment: shipment{memory: memory}}
	var err error
	if r.media == jsonMedia {
		o.unmarshal, o.isJSON = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal, true
		err = o.shipment.readJSON(r.body, o.readJSON)
	} else {
		o.unmarshal = proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal
		err = o.readProtobuf(r.body)
	}
	if err == nil && o.rejected > 0 {
		o.reply = otlpPartial(o.rejected, o.because, o.isJSON)
	}
	return o.ended(err, errOTLP)
}

func (o *otlpLogs) readProtobuf(body []byte) error {
	return eachMessage(body, otlpResourceLogs, func(logs []byte) error {
		if err := last(logs, otlpResource, o.setResource); err != nil {
			return err
		}
		return eachMessage(logs, otlpScopeLogs, func(scope []byte) error {
			if err := last(scope, otlpScope, o.setScope); err != nil {
				return err
			}
			return eachMessage(scope, otlpRecords, o.record)
		})
	})
}

func (o *otlpLogs) readJSON(body []byte) error {
	return o.elements(body, "resourceLogs", "resource_logs", "", nil, func(raw json.RawMessage) error {
		return o.elements(raw, "scopeLogs", "scope_logs", "resource", o.setResource, func(raw json.RawMessage) error {
			return o.elements(raw, "logRecords", "log_records", "scope", o.setScope, func(raw json.RawMessage) error { return o.record(raw) })
		})
	})
}

// elements calls set, unless nil, with the member of an object that all elements of an array
// have in common, and each with these. The array has two names, in JSON and in protobuf. An
// object with neither, but with other members, is something else than logs.
func (o *otlpLogs) elements(object []byte, array, other, common string, set func([]byte) error, each func(json.RawMessage) error) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		var other *json.UnmarshalTypeError
		if errors.As(err, &other) {
			return fmt.Errorf("the JSON is not an object but of type %s", other.Value)
		}
		return err
	}
	all, ok := members[array]
	if !ok {
		all, ok = members[other]
	}
	if set != nil {
		if err := set(members[common]); err != nil {
			return err
		}
		delete(members, common)
	}
	delete(members, "schemaUrl")
	delete(members, "schema_url")
	if !ok && len(members) > 0 {
		return fmt.Errorf("an object has no %s: %.80s", array, object)
	}
	return eachElement(all, each)
}

// parse reads a message that a line must hold. Others of a request are not to be lost for a
// text in it that is not UTF-8, or an id that is not valid.
func (o *otlpLogs) parse(b []byte, m proto.Message) error {
	if len(b) == 0 || o.isJSON && string(b) == "null" {
		return nil
	}
	err := o.unmarshal(b, m)
	switch {
	case err == nil:
		return nil
	case o.isJSON:
		b = mendJSON(b)
	default:
		mendText(b, m.ProtoReflect().Descriptor())
	}
	return o.unmarshal(b, m)
}

// mendText makes question marks of the bytes of texts in a message that are not UTF-8.
func mendText(b []byte, message protoreflect.MessageDescriptor) {
	for len(b) > 0 {
		n, typ, size := protowire.ConsumeField(b)
		if size < 0 {
			return
		}
		if field := message.Fields().ByNumber(n); field != nil && typ == protowire.BytesType {
			_, _, tag := protowire.ConsumeTag(b)
			value, _ := protowire.ConsumeBytes(b[tag:])
			switch field.Kind() {
			case protoreflect.StringKind:
				for i := 0; i < len(value); {
					r, length := utf8.DecodeRune(value[i:])
					if r == utf8.RuneError && length == 1 {
						value[i] = '?'
					}
					i += length
				}
			case protoreflect.MessageKind:
				mendText(value, field.Message())
			}
		}
		b = b[size:]
	}
}

// mendJSON is a record without ids that are not valid, all of UTF-8.
func mendJSON(b []byte) []byte {
	b = bytes.ToValidUTF8(b, []byte("\ufffd"))
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return b
	}
	for name, size := range map[string]int{"traceId": traceID, "trace_id": traceID, "spanId": spanID, "span_id": spanID} {
		var text string
		if id, ok := members[name]; ok && (json.Unmarshal(id, &text) != nil || !isID(text, size)) {
			delete(members, name)
		}
	}
	mended, err := json.Marshal(members)
	if err != nil {
		return b
	}
	return mended
}

func (o *otlpLogs) setResource(b []byte) error {
	o.resource = o.resource[:0]
	if len(b) > line.MaxLen {
		return fmt.Errorf("a resource is longer than %d bytes", line.MaxLen)
	}
	var r resource.Resource
	if err := o.parse(b, &r); err != nil || len(r.Attributes) == 0 {
		return err
	}
	o.resource = append(appendAttributes(append(o.resource, `,"resource":{`...), r.Attributes, nil), '}')
	return nil
}

func (o *otlpLogs) setScope(b []byte) error {
	o.scope = o.scope[:0]
	if len(b) > line.MaxLen {
		return fmt.Errorf("a scope is longer than %d bytes", line.MaxLen)
	}
	var s common.InstrumentationScope
	if err := o.parse(b, &s); err != nil || s.Name == "" {
		return err
	}
	o.scope = appendMember(o.scope, "scope", s.Name)
	return nil
}

func (o *otlpLogs) record(b []byte) error {
	// In JSON it may be escaped.
	if longest := 6 * line.MaxLen; len(b) > longest || !o.isJSON && len(b) > line.MaxLen {
		o.reject(fmt.Sprintf("a log record is longer than %d bytes", line.MaxLen))
		return nil
	}
	var r logs.LogRecord
	if err := o.parse(b, &r); err != nil {
		return err
	}
	text := append(o.text[:0], '{')
	if at := r.TimeUnixNano; at != 0 || r.ObservedTimeUnixNano != 0 {
		if at == 0 {
			at = r.ObservedTimeUnixNano
		}
		text = appendBegin(text[:0], int64(min(at, math.MaxInt64)))
	}
	if level := otlpLevel(&r); level != "" {
		text = appendMember(text, "level", level)
	}
	if r.SeverityNumber != 0 {
		text = strconv.AppendInt(append(text, `,"severity":`...), int64(r.SeverityNumber), 10)
	}
	text = o.appendID(text, "trace_id", r.TraceId, traceID)
	text = o.appendID(text, "span_id", r.SpanId, spanID)
	if r.EventName != "" {
		text = appendMember(text, "event", r.EventName)
	}
	text = append(append(text, o.scope...), o.resource...)
	if len(r.Attributes) > 0 {
		text = appendAttributes(append(text, ','), r.Attributes, otlpMembers)
	}
	if r.Body != nil {
		text = append(text, `,"body":`...)
		if raw := r.Body.GetBytesValue(); len(raw) > 0 && utf8.Valid(raw) {
			text = appendText(text, string(raw)) // a line that nobody has decoded
		} else {
			text = appendAny(text, r.Body)
		}
	}
	if len(text) > 1 && text[1] == ',' { // it has no time
		text = append(text[:1], text[2:]...)
	}
	o.text = append(text, '}')
	_, err := o.add(o.text)
	return err
}

// Bytes of ids.
const (
	traceID = 16
	spanID  = 8
)

// isID reports whether a text is an id of so many bytes. Zeros are not.
func isID(text string, size int) bool {
	id, err := hex.DecodeString(text)
	return err == nil && len(id) == size && strings.Trim(text, "0") != ""
}

// appendID appends an id in hexadecimal digits, or nothing if it is not valid, as OTLP asks for.
// In JSON it is written so, and not in Base64 as all other bytes are, so that it was decoded
// in vain.
func (o *otlpLogs) appendID(b []byte, key string, id []byte, size int) []byte {
	text := hex.EncodeToString(id)
	if o.isJSON {
		text = strings.ToLower(base64.StdEncoding.EncodeToString(id))
	}
	if !isID(text, size) {
		return b
	}
	return appendMember(b, key, text)
}

// otlpLevel is the record's own word, or that for its number.
func otlpLevel(r *logs.LogRecord) string {
	if r.SeverityText != "" {
		return r.SeverityText
	}
	names := []string{"trace", "debug", "info", "warn", "error", "fatal"}
	if n := int(r.SeverityNumber); n >= 1 && (n-1)/4 < len(names) {
		return names[(n-1)/4]
	}
	return ""
}

// appendAttributes appends the members of an object. Those with a taken name are within
// another one.
func appendAttributes(b []byte, attributes []*common.KeyValue, taken []string) []byte {
	for i, a := range attributes {
		if i > 0 {
			b = append(b, ',')
		}
		key := a.GetKey()
		if slices.Contains(taken, key) {
			key = "attributes." + key
		}
		b = appendAny(append(appendText(b, key), ':'), a.GetValue())
	}
	return b
}

func appendAny(b []byte, v *common.AnyValue) []byte {
	switch v := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return appendText(b, v.StringValue)
	case *common.AnyValue_BoolValue:
		return strconv.AppendBool(b, v.BoolValue)
	case *common.AnyValue_IntValue:
		return strconv.AppendInt(b, v.IntValue, 10)
	case *common.AnyValue_DoubleValue:
		if math.IsNaN(v.DoubleValue) || math.IsInf(v.DoubleValue, 0) {
			return appendText(b, strconv.FormatFloat(v.DoubleValue, 'g', -1, 64))
		}
		return strconv.AppendFloat(b, v.DoubleValue, 'g', -1, 64)
	case *common.AnyValue_BytesValue:
		return appendText(b, base64.StdEncoding.EncodeToString(v.BytesValue))
	case *common.AnyValue_ArrayValue:
		b = append(b, '[')
		for i, element := range v.ArrayValue.GetValues() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendAny(b, element)
		}
		return append(b, ']')
	case *common.AnyValue_KvlistValue:
		return append(appendAttributes(append(b, '{'), v.KvlistValue.GetValues(), nil), '}')
	}
	return append(b, "null"...)
}

// otlpPartial is an ExportLogsServiceResponse that says that records were rejected.
func otlpPartial(rejected int, because string, isJSON bool) []byte {
	if isJSON {
		reply := fmt.Appendf(nil, `{"partialSuccess":{"rejectedLogRecords":"%d","errorMessage":`, rejected)
		return append(appendText(reply, because), "}}"...)
	}
	var partial []byte
	partial = protowire.AppendVarint(protowire.AppendTag(partial, 1, protowire.VarintType), uint64(rejected))
	partial = protowire.AppendString(protowire.AppendTag(partial, 2, protowire.BytesType), because)
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), partial)
}

func acceptOTLP(w http.ResponseWriter, media string, reply []byte) {
	w.Header().Set("Content-Type", media)
	if reply == nil && media == jsonMedia {
		reply = []byte("{}")
	}
	_, _ = w.Write(reply)
}

// codeOf is the code of gRPC for a status of HTTP. Senders send again at codes.Unavailable and
// codes.DeadlineExceeded.
func codeOf(status int) codes.Code {
	switch status {
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusNotFound:
		return codes.NotFound
	case http.StatusRequestTimeout:
		return codes.DeadlineExceeded
	case http.StatusRequestEntityTooLarge:
		return codes.ResourceExhausted
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	}
	return codes.InvalidArgument
}

// refuseOTLP answers with a google.rpc.Status.
func refuseOTLP(w http.ResponseWriter, media string, status int, reason string) {
	code := codeOf(status)
	var body []byte
	if media == protobufMedia {
		body = protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(code))
		body = protowire.AppendString(protowire.AppendTag(body, 2, protowire.BytesType), reason)
	} else {
		media = jsonMedia
		body = append(appendText(fmt.Appendf(nil, `{"code":%d,"message":`, code), reason), '}')
	}
	w.Header().Set("Content-Type", media)
	w.WriteHeader(status)
	_, _ = w.Write(body) // #nosec G705 -- JSON or protobuf, which no browser shows as a page
}
