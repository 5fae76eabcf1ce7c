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
	httpHost
	httpUser
	httpMethod
	httpURL
	httpVersion
	httpStatus
	httpBytes
	httpReferrer
	httpUserAgent
	httpDomain
	httpForwardedFor
	httpRequestTime
	httpUpstreamTime
	givens // how many there are
)

// Givens are those fields, with what docs/formats.md says of them.
var Givens = [givens]struct{ Name, Doc string }{
	ofLine:           {"line", "the whole line"},
	ofUnparsed:       {"unparsed", "true: no format fits"},
	ofMsg:            {"msg", "the message after a header, or the whole line"},
	ofLevel:          {"level", "as the line has it: `info`, `ERROR`"},
	ofFacility:       {"facility", "by syslog's names: `local0`"},
	ofSource:         {"source", "the program or the logger"},
	ofPs:             {"ps", "the process or the thread"},
	ofHost:           {"host", "the machine"},
	ofSlot:           {"slot", "of `slot.17@cloud`"},
	ofInstance:       {"instance_id", "of `slot.17@cloud`, a number"},
	ofCloud:          {"cloud", "of `slot.17@cloud`"},
	httpHost:         {"http_host", "the client's address"},
	httpUser:         {"http_user", "the user"},
	httpMethod:       {"http_method", "`GET`"},
	httpURL:          {"http_url", "the URL as it was requested"},
	httpVersion:      {"http_version", "`HTTP/1.1`"},
	httpStatus:       {"http_status", "a number"},
	httpBytes:        {"http_bytes", "bytes sent, a number"},
	httpReferrer:     {"http_referrer", "the header Referer"},
	httpUserAgent:    {"http_user_agent", "the header User-Agent"},
	httpDomain:       {"http_domain", "the virtual host, without its port"},
	httpForwardedFor: {"http_forwarded_for", "the header X-Forwarded-For"},
	httpRequestTime:  {"http_request_time", "how long the request took"},
	httpUpstreamTime: {"http_upstream_time", "how long the server behind took"},
}
