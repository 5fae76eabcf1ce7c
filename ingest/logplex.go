package ingest

import "net/http"

const (
	// maxBody bounds a request of Logplex as it comes, and maxUnpacked what it
	// unpacks to.
	maxBody     = 1 << 20
	maxUnpacked = 4 << 20

	// drainMemory bounds the bodies that are held at a time, as they came and
	// as they are unpacked.
	drainMemory = 64 << 20
)

var drainKind = drainOf(logplex)

// logplex is the dialect of Heroku's Logplex: octet-counted syslog frames.
var logplex = &dialect{
	name: "drain",
	help: "accept Heroku log drains over HTTP on this `address`, or over HTTPS with --tls-cert",
	doc: KindDoc{"`drain`", "`input`, `drain` (the source), `drain_token`, `remote`, and the source's",
		"503: Logplex sends again", "nothing: 204 comes after Kafka's acknowledgement"},
	paths: []string{"/drain", "/logs", "/events"},
	media: []string{"application/logplex-1"},
	body:  maxBody, unpacked: maxUnpacked, memory: drainMemory,
	token: func(h http.Header) string { return h.Get("Logplex-Drain-Token") },
	joins: true,
	read:  func(r request, _ *budget) (lineSet, error) { return unframe(r.body) },
	accept: func(w http.ResponseWriter, _ string, _ []byte) {
		// Logplex is promised a length. By its usual spelling net/http would
		// leave it away, since no 204 has a body.
		w.Header()["content-length"] = []string{"0"}
		w.WriteHeader(http.StatusNoContent)
	},
	refuse: refuseText,
}
