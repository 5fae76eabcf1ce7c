package line

// A given is a field that formats give lines under a name of Pulse's own.
type given uint8

const (
	ofLine given = iota
	ofUnparsed
	ofMsg
	ofLevel
	ofFacility
	ofSource
	ofPs
	ofHost
	ofSlot
	ofInstance
	ofCloud
	ofPod
	ofContainer
	ofStream
	ofCaller
	ofLogger
	ofUser
	ofDatabase
	ofCode
	ofVendor
	ofName
	ofSeverity
	httpHost
	httpUser
	httpMethod
	httpURL
	httpPath
	httpVersion
	httpStatus
	httpBytes
	httpReferrer
	httpUserAgent
	httpDomain
	httpForwardedFor
	httpRequestTime
	httpUpstreamTime
	httpUpstreamStatus
	httpRequestBytes
	httpRequestID
	httpFrontend
	httpBackend
	httpServer
	httpFlags
	givens // how many there are
)

// Givens are those fields, with what docs/formats.md says of them.
var Givens = [givens]struct{ Name, Doc string }{
	ofLine:             {"line", "the whole line"},
	ofUnparsed:         {"unparsed", "true: no format fits"},
	ofMsg:              {"msg", "the message after a header, or the whole line"},
	ofLevel:            {"level", "as the line has it: `info`, `ERROR`"},
	ofFacility:         {"facility", "by syslog's names: `local0`"},
	ofSource:           {"source", "the program or the logger"},
	ofPs:               {"ps", "the process or the thread"},
	ofHost:             {"host", "the machine"},
	ofSlot:             {"slot", "of `slot.17@cloud`"},
	ofInstance:         {"instance_id", "of `slot.17@cloud`, a number"},
	ofCloud:            {"cloud", "of `slot.17@cloud`"},
	ofPod:              {"pod", "the pod"},
	ofContainer:        {"container", "the container"},
	ofStream:           {"stream", "`stdout` or `stderr`"},
	ofCaller:           {"caller", "the place in the code: `main.go:12`"},
	ofLogger:           {"logger", "the logger, where `source` is the program"},
	ofUser:             {"user", "the database's user"},
	ofDatabase:         {"database", "the database"},
	ofCode:             {"code", "what names a kind of message: `MY-010116`"},
	ofVendor:           {"vendor", "who makes the product"},
	ofName:             {"name", "what happened"},
	ofSeverity:         {"severity", "as the line has it: `7`, `High`"},
	httpHost:           {"http_host", "the client's address"},
	httpUser:           {"http_user", "the user"},
	httpMethod:         {"http_method", "`GET`"},
	httpURL:            {"http_url", "the URL as it was requested"},
	httpPath:           {"http_path", "the URL's path: without its query, fragment, scheme and host"},
	httpVersion:        {"http_version", "`1.1`"},
	httpStatus:         {"http_status", "a number"},
	httpBytes:          {"http_bytes", "bytes sent, a number"},
	httpReferrer:       {"http_referrer", "the header Referer"},
	httpUserAgent:      {"http_user_agent", "the header User-Agent"},
	httpDomain:         {"http_domain", "the virtual host, without its port"},
	httpForwardedFor:   {"http_forwarded_for", "the first address of the header X-Forwarded-For"},
	httpRequestTime:    {"http_request_time", "how long the request took, in seconds; Apache's `%D` and `%T` in their own unit"},
	httpUpstreamTime:   {"http_upstream_time", "how long the servers behind took, in seconds; of several the sum"},
	httpUpstreamStatus: {"http_upstream_status", "the status of the server behind, of several the last"},
	httpRequestBytes:   {"http_request_bytes", "bytes received"},
	httpRequestID:      {"http_request_id", "what names the request"},
	httpFrontend:       {"http_frontend", "the listener or router that took the request"},
	httpBackend:        {"http_backend", "the group of servers behind"},
	httpServer:         {"http_server", "the server behind, of several the last"},
	httpFlags:          {"http_flags", "how a connection or a response ended, as the proxy says it"},
}
