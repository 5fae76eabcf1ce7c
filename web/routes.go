package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tdewolff/minify/v2/css"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"pulse/stats"
	"pulse/stats/timing"
	"pulse/stats/value"
)

//go:embed static
var static embed.FS

// openAPI describes what the server answers.
//
//go:embed openapi.yaml
var openAPI []byte

// What questions take that are asked of the live log and of incidents.
var (
	lineParameters    = []string{"stat", "from", "to", "where", "key", "limit", "fields"}
	explainParameters = []string{"stat", "from", "to", "against", "where"}
)

// answers is what the server answers besides the page's files, by method and
// path; openapi.yaml has the same.
func (s *Server) answers() map[string]http.HandlerFunc {
	all := map[string]http.HandlerFunc{
		"GET /ws":               takes(s.socket, "stat", "points"),
		"GET /api/first":        takes(s.first),
		"GET /api/stats":        takes(s.latest),
		"GET /api/stats/{name}": takes(s.past, "from", "to", "step"),
		"GET /api/lines":        takes(s.ofLive(s.lines), lineParameters...),
		"GET /api/lines/around": takes(s.ofLive(s.around), "at"),
		"GET /api/narrowed":     takes(s.ofLive(s.narrowed), "stat", "where", "from", "to"),
		"GET /api/fields":       takes(s.ofLive(s.fields), "from", "to"),
		"GET /api/explain":      takes(s.ofLive(s.explain), explainParameters...),
		"GET /api/usual":        takes(s.whatIsUsual, "at"),
		"GET /api/then":         takes(s.then, "at", "play", "bare"),
		"GET /api/marks":        takes(s.listMarks, "from", "to"),
		"POST /api/marks":       takes(s.setMark),
		"GET /api/alerts":       takes(s.listAlerts),
		"POST /api/silences":    takes(s.setSilence),
		"DELETE /api/silences":  takes(s.endSilence, "id"),
		"POST /api/share":       takes(s.share, "for", "stat", "page", embedParameter),
		"GET /api/who":          takes(s.me),
		"GET /login":            takes(s.loginForm, "to"),
		"POST /login":           takes(s.logIn),
		"POST /logout":          takes(s.logOut),
		"GET /login/oidc":       takes(s.beginOIDC, "to", "again"),
		"GET /login/callback":   s.endOIDC, // providers add parameters of their own
		"GET /metrics":          s.metrics,
		"GET /api/openapi.yaml": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/yaml")
			w.Write(openAPI) //nolint:errcheck // the client is gone
		},
		"GET /api/schema.json": func(w http.ResponseWriter, r *http.Request) { schemaFile().ServeHTTP(w, r) },
		"GET /healthz": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintln(w, "ok")
		},
		"GET /readyz": func(w http.ResponseWriter, _ *http.Request) {
			if !s.Ready() {
				http.Error(w, "not ready: still reading the newest points from Kafka", http.StatusServiceUnavailable)
				return
			}
			fmt.Fprintln(w, "ready")
		},
	}
	maps.Copy(all, s.editAnswers())
	maps.Copy(all, s.promql.Answers())
	return all
}

// takes refuses requests with parameters that are not named: to leave one out of
// account would give another answer than was asked for. Parameters are those of the URL:
// http.Request.FormValue would read bodies, of any size and for each method, to look for some.
func takes(answer http.HandlerFunc, parameters ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for name := range r.URL.Query() {
			if !slices.Contains(parameters, name) {
				told := "this URL takes no parameters"
				if len(parameters) > 0 {
					told = "there are " + strings.Join(parameters, ", ")
				}
				http.Error(w, fmt.Sprintf("unknown parameter %.40q; %s", name, told), http.StatusBadRequest)
				return
			}
		}
		answer(w, r)
	}
}

// routes leads requests to what answers them.
func (s *Server) routes(page []*file) *http.ServeMux {
	mux := http.NewServeMux()
	for route, answer := range s.answers() {
		if _, ok := required[route]; !ok {
			panic(route + " has no role: see required")
		}
		mux.HandleFunc(route, answer)
	}
	for _, f := range page {
		mux.Handle("GET "+f.route, f)
		if f.route == pageRoute {
			mux.Handle("GET /incident/{id}", f)
		}
	}
	return mux
}

// file is one of the page's files, in memory.
type file struct {
	route, kind string
	plain, gzip encoded
}

// schemaFile is the JSON schema of definitions files.
var schemaFile = sync.OnceValue(func() *file {
	return &file{kind: "application/json", plain: encodedAs(stats.Schema), gzip: encodedAs(compress(stats.Schema))}
})

// encoded is a file in one of its encodings.
type encoded struct {
	data []byte
	tag  string
}

func encodedAs(data []byte) encoded {
	sum := sha256.Sum256(data)
	return encoded{data, `"` + hex.EncodeToString(sum[:8]) + `"`}
}

// compress gives data in gzip's format.
func compress(data []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // it is a level
	w.Write(data)                                         //nolint:errcheck // a buffer takes all
	w.Close()                                             //nolint:errcheck
	return b.Bytes()
}

// files are the page's, as they were built in, but of its modules two scripts: what draws the
// first numbers, and the rest.
var files = sync.OnceValue(func() []*file {
	page, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the files are part of the binary, here and below
	}
	var files []*file
	add := func(name, kind string, data []byte) {
		f := &file{route: "/" + name, kind: kind, plain: encodedAs(data), gzip: encodedAs(compress(data))}
		if name == "index.html" {
			f.route = pageRoute
		}
		files = append(files, f)
	}
	for name, kind := range map[string]string{
		"index.html": "text/html; charset=utf-8",
		"style.css":  "text/css; charset=utf-8",
		"icon.svg":   "image/svg+xml",
		"theme.js":   scriptType,
		"first.js":   scriptType,
		"login.js":   scriptType,
	} {
		data, err := fs.ReadFile(page, name)
		if err == nil && name == "style.css" {
			data, err = small(css.Minify, data)
		}
		if err != nil {
			panic(err)
		}
		add(name, kind, data)
	}
	scripts, err := bundle(page, "app.js")
	if err != nil {
		panic(err)
	}
	for _, s := range scripts {
		add(s.name, scriptType, s.text)
	}
	slices.SortFunc(files, func(a, b *file) int { return strings.Compare(a.route, b.route) })
	return files
})

const scriptType = "text/javascript; charset=utf-8"

// pageRoute is that of the page itself.
const pageRoute = "/{$}"

// build names the contents of files.
func build(files []*file) string {
	sum := sha256.New()
	for _, f := range files {
		sum.Write([]byte(f.route + f.plain.tag))
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// early is what the live page's header has a browser ask for before it has read the page: the
// script first, by the connection that there is, and the first numbers.
const early = `</app.js>; rel=modulepreload, </style.css>; rel=preload; as=style, </api/first>; rel=preload; as=fetch; crossorigin`

// ServeHTTP lets a browser keep the file and ask each time whether it changed,
// so that a new Pulse is never drawn by the scripts of an old one.
func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	as := f.plain
	if answersGzip(w, r) {
		as = f.gzip
	}
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", as.tag)
	if r.URL.Path == "/" {
		w.Header().Set("Link", early)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(as.data))
}

// answersGzip reports whether the answer to a request is to be compressed, and says so in it.
func answersGzip(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Vary", "Accept-Encoding")
	if !takesGzip(r) {
		return false
	}
	w.Header().Set("Content-Encoding", "gzip")
	return true
}

// takesGzip reports whether a request says that gzip is fine.
func takesGzip(r *http.Request) bool {
	for one := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(one, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			weight = strings.ReplaceAll(weight, " ", "")
			return !strings.HasPrefix(weight, "q=0") || strings.ContainsAny(weight[len("q=0"):], "123456789")
		}
	}
	return false
}

// socket serves one client's websocket: of all stats, or of those that ?stat=
// names, as often as it is given; with changed points as ?points= says.
func (s *Server) socket(w http.ResponseWriter, r *http.Request) {
	who := whoIs(r.Context())
	sub, err := s.subscription(who, r.URL.Query()["stat"])
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	switch sub.form = form(r.URL.Query().Get("points")); sub.form {
	case onePoint, together:
	default:
		http.Error(w, fmt.Sprintf("points=%.40q is not known; there is points=%s", sub.form, together), http.StatusBadRequest)
		return
	}
	if !s.admit() {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "this server has too many clients; try again later", http.StatusServiceUnavailable)
		return
	}
	defer s.leave()
	conn, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	ctx, cancel := context.WithCancel(s.stopping)
	defer cancel()
	if !who.until.IsZero() {
		var over context.CancelFunc
		ctx, over = context.WithDeadline(ctx, who.until)
		defer over()
	}
	defer s.access.hold(who, cancel)()
	s.hub.serve(ctx, conn, sub)
}

// first answers with what the socket begins with, the configuration and the newest seconds,
// for a page that is not there yet itself.
func (s *Server) first(w http.ResponseWriter, r *http.Request) {
	sub, err := s.subscription(whoIs(r.Context()), nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	p, _ := s.hub.Welcome(sub)
	data := p.data
	if answersGzip(w, r) {
		data = p.gzip()
	}
	jsonHeader(w)
	defer s.take(r, p)()
	w.Write(data) //nolint:errcheck // the client is gone
}

// latest answers with the newest point of every stat. "current" is false where
// the point is the newest known but time has gone on since, or no clock ran.
func (s *Server) latest(w http.ResponseWriter, r *http.Request) {
	s.sendAll(w, r, "application/json", s.newest)
}

// newest is the answer of latest.
func (s *Server) newest() (*parcel, error) {
	type stat struct {
		Stat    string          `json:"stat"`
		Title   string          `json:"title"`
		Unit    string          `json:"unit,omitempty"`
		Current bool            `json:"current"`
		Point   *stats.Snapshot `json:"point"` // null before the first
	}
	now := time.Now()
	answer := struct {
		Version string `json:"version"`
		Stats   []stat `json:"stats"`
	}{s.store.gen, []stat{}}
	for _, st := range s.store.stats {
		a := stat{Stat: st.Name, Title: st.Title, Unit: st.Unit}
		if p, current, ok := s.store.Latest(st.Name, now); ok {
			a.Point, a.Current = &p, current
		}
		answer.Stats = append(answer.Stats, a)
	}
	return parcelOf(answer)
}

// second reads a time of a query: RFC3339 or Unix seconds.
func second(s string, otherwise int64) (int64, error) {
	if s == "" {
		return otherwise, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 && n <= timing.LastSecond {
		return n, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Unix() < 0 {
		return 0, fmt.Errorf("%.40q is not a time since 1970: write Unix seconds, or a time such as 2026-11-22T10:31:05Z", s)
	}
	return t.Unix(), nil
}

// jsonHeader says that the answer is in JSON, and of this moment.
func jsonHeader(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
}

// metrics answers in Prometheus' text format.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	s.sendAll(w, r, "text/plain; version=0.0.4; charset=utf-8", func() (*parcel, error) {
		b := s.measured()
		return &parcel{data: b, size: int64(cap(b))}, nil
	})
}

// measured is all metrics as text.
func (s *Server) measured() []byte {
	now := time.Now()
	b := []byte("# HELP pulse_stat The newest value of a stat, while it is current.\n# TYPE pulse_stat gauge\n")
	covered := []byte("# HELP pulse_stat_covered_ratio The share of the window's seconds for which there is data.\n# TYPE pulse_stat_covered_ratio gauge\n")
	keys := []byte("# HELP pulse_stat_beyond_room_keys Keys or parts that have no value of their own because the stat has no room for them.\n# TYPE pulse_stat_beyond_room_keys gauge\n")
	lines := []byte("# HELP pulse_stat_beyond_room_ratio The share of the lines that those have.\n# TYPE pulse_stat_beyond_room_ratio gauge\n")
	for _, st := range s.store.stats {
		p, current, ok := s.store.Latest(st.Name, now)
		if !ok || !current {
			continue
		}
		v, err := value.Parse(p.Value)
		if err != nil {
			s.config.Logger.Warn("left a value out of /metrics", "stat", st.Name, "error", err)
			continue
		}
		b = appendSamples(b, st, v)
		own, ratio := []value.Label{{Name: "stat", Text: st.Name}}, 1.0
		if p.Of > 0 {
			ratio = float64(p.Covered) / float64(p.Of)
		}
		covered = appendSample(covered, "pulse_stat_covered_ratio", own, ratio)
		if len(st.GroupBy) > 0 {
			keys = appendSample(keys, "pulse_stat_beyond_room_keys", own, float64(p.Beyond.Keys))
			lines = appendSample(lines, "pulse_stat_beyond_room_ratio", own, p.Beyond.Share)
		}
	}
	b = slices.Concat(b, covered, keys, lines)
	ready := 0
	if s.Ready() {
		ready = 1
	}
	for _, m := range []struct {
		name, kind, help string
		value            uint64
	}{
		{"pulse_web_ready", "gauge", "Whether the newest points have been read from Kafka.", uint64(ready)},
		{"pulse_web_newest_timestamp_seconds", "gauge", "The newest second of all stats, in Unix time.", uint64(s.store.Newest())},
		{"pulse_web_clients", "gauge", "Clients on the websocket.", uint64(s.hub.clients.Load())},
		{"pulse_web_frames_total", "counter", "Frames published to clients.", s.hub.frames.Load()},
		{"pulse_web_clients_cut_total", "counter", fmt.Sprintf("Clients disconnected for reading no bytes for %.0f s, or for being the slowest when all together had not read %d MiB.", progressWithin.Seconds(), maxOutgoing>>20), s.hub.cut.Load()},
		{"pulse_web_marks_refused_total", "counter", "Marks that were not kept because their minute had enough.", s.marksRefused.Load()},
		{"pulse_web_points_refused_total", "counter", "Points of unknown stats, without a time, or too large.", s.store.Refused()},
	} {
		b = fmt.Appendf(b, "# HELP %[1]s %[2]s\n# TYPE %[1]s %[3]s\n%[1]s %[4]d\n", m.name, m.help, m.kind, m.value)
	}
	own := prometheus.NewRegistry()
	own.MustRegister(s.hub.delay, s.access.wrong, s.access.slowed)
	all := prometheus.Gatherers{own}
	if s.config.Metrics != nil {
		all = append(all, s.config.Metrics)
	}
	families, err := all.Gather()
	if err != nil {
		s.config.Logger.Warn("left some metrics out", "error", err)
	}
	text := bytes.NewBuffer(b)
	for _, f := range families {
		expfmt.MetricFamilyToText(text, f) //nolint:errcheck // a buffer takes all
	}
	return text.Bytes()
}

// appendSamples appends a sample for each number of a stat's value.
func appendSamples(b []byte, st *stats.Stat, v value.Value) []byte {
	all := []value.Label{{Name: "stat", Text: st.Name}}
	if st.Unit != "" {
		all = append(all, value.Label{Name: "unit", Text: st.Unit})
	}
	own := len(all)
	for labels, number := range value.Samples(v) {
		all = append(all[:own], labels...)
		b = appendSample(b, "pulse_stat", all, number)
	}
	return b
}

// appendSample appends a line of Prometheus' text format.
func appendSample(b []byte, name string, labels []value.Label, number float64) []byte {
	b = append(append(b, name...), '{')
	for i, l := range labels {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, l.Name...), `="`...)
		b = append(appendLabel(b, l.Text), '"')
	}
	b = append(b, "} "...)
	b = strconv.AppendFloat(b, number, 'g', -1, 64)
	return append(b, '\n')
}

// appendLabel appends the text of a label's value; bytes that are not UTF-8
// become U+FFFD, since the format allows none.
func appendLabel(b []byte, s string) []byte {
	for _, r := range s {
		switch r {
		case '\\':
			b = append(b, `\\`...)
		case '"':
			b = append(b, `\"`...)
		case '\n':
			b = append(b, `\n`...)
		default:
			b = append(b, string(r)...)
		}
	}
	return b
}
