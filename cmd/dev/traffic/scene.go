package traffic

import (
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// An incident is what goes wrong for a while.
type incident int

const (
	calm   incident = iota
	slow            // a backend is slow, and requests run into their time limit
	crash           // the processes of one domain crash
	broken          // a release of one domain fails on some of its pages
	surge           // twice the load and more
	incidents
)

// Incidents come one in each window, in turns, at a time of their own.
const (
	window        = 120 // seconds
	firstIncident = 15  // earliest second of an incident within its window
	longest       = 55  // seconds of an incident
)

// A scene is what a second is like.
type scene struct {
	load     float64 // times the average rate
	incident incident
	strength float64 // of the incident, 0 to 1: it comes and goes by degrees
	domain   int     // the one that it hits
}

func (s *scene) set(w *world, seed uint64, second int, t time.Time) {
	day := t.Sub(t.Truncate(24*time.Hour)).Seconds() / 86400
	at := float64(second)
	s.load = 1 + 0.3*math.Sin(2*math.Pi*(day-0.35)) +
		0.15*math.Sin(2*math.Pi*at/210) + 0.08*math.Sin(2*math.Pi*at/47)

	r := rand.New(rand.NewPCG(seed, uint64(second/window)))
	s.incident = 1 + incident((seed+uint64(second/window))%uint64(incidents-1))
	s.domain = w.domains.draw(r)
	begin := firstIncident + r.IntN(window-firstIncident-longest)
	length := 20 + r.IntN(longest-20)
	s.strength = 0
	if into := second%window - begin; into >= 0 && into < length {
		// Up within five seconds, down within ten.
		s.strength = min(1, float64(into+1)/5, float64(length-into)/10)
	} else {
		s.incident = calm
	}
	if s.incident == surge {
		s.load *= 1 + 1.4*s.strength
	}
}

// A choice draws numbers below n, small ones more often, by Zipf's law: the
// k-th has 1/(k+1)^skew of the first's part. It draws from a table.
type choice [1024]uint16

func newChoice(n int, skew float64) *choice {
	weights := make([]float64, n)
	total := 0.0
	for k := range weights {
		weights[k] = math.Pow(float64(k+1), -skew)
		total += weights[k]
	}
	var c choice
	k, sum := 0, weights[0]
	for i := range c {
		for k < n-1 && float64(i)+0.5 > sum/total*float64(len(c)) {
			k++
			sum += weights[k]
		}
		c[i] = uint16(k)
	}
	return &c
}

func (c *choice) draw(r *rand.Rand) int { return int(c[r.Uint32()%uint32(len(c))]) }

// A world has what does not change over a recording.
type world struct {
	domains   *choice
	paths     *choice
	codes     *choice
	agents    *choice
	instances *choice
}

func newWorld() *world {
	return &world{
		domains:   newChoice(len(domains), 0.9),
		paths:     newChoice(len(paths), 0.8),
		codes:     newChoice(len(codes), 0.7),
		agents:    newChoice(len(agents), 0.9),
		instances: newChoice(12, 0.3),
	}
}

// A path is a page of the domains: an id follows it if ids is not 0.
type path struct {
	text   string
	method string
	ids    int
	millis float64 // median of the service time
	bytes  float64 // median of the size
}

var paths = []path{
	{"/", "GET", 0, 18, 14_000},
	{"/products/", "GET", 4000, 32, 9_000},
	{"/assets/app.js", "GET", 0, 2, 88_000},
	{"/api/v1/cart", "GET", 0, 24, 900},
	{"/search?q=", "GET", 900, 85, 21_000},
	{"/assets/site.css", "GET", 0, 2, 31_000},
	{"/api/v1/events", "POST", 0, 9, 20},
	{"/login", "POST", 0, 160, 400},
	{"/images/", "GET", 12_000, 4, 54_000},
	{"/api/v1/orders/", "GET", 50_000, 41, 2_600},
	{"/checkout", "POST", 0, 240, 1_200},
	{"/favicon.ico", "GET", 0, 1, 1_150},
	{"/users/", "GET", 20_000, 28, 5_000},
	{"/health", "GET", 0, 1, 15},
	{"/api/v1/orders", "POST", 0, 130, 700},
	{"/export.csv", "GET", 0, 900, 600_000},
	{"/api/v1/cart/items/", "DELETE", 9000, 22, 0},
	{"/about", "GET", 0, 12, 7_000},
}

var domains = []string{
	"www.example.com", "shop.example.com", "api.example.com", "blog.example.org", "img.example.net", "m.example.com",
	"status.example.org", "forum.example.org", "maps.example.net", "news.example.com", "tickets.example.com",
	"wiki.example.org", "jobs.example.com", "static.example.net", "pay.example.com", "dev.example.org",
	"chat.example.com", "mail.example.net", "docs.example.org", "beta.example.com", "old.example.com",
	"play.example.net", "travel.example.com", "music.example.org",
}

// The codes of Heroku's router with their texts and statuses; the first come
// more often.
var codes = []struct {
	code, text string
	status     int
}{
	{"H18", "Server Request Interrupted", 503}, {"H13", "Connection closed without response", 503},
	{"H27", "Client Request Interrupted", 499}, {"H12", "Request timeout", 503}, {"H10", "App crashed", 503},
	{"H11", "Backlog too deep", 503}, {"H15", "Idle connection", 503}, {"H14", "No web processes running", 503},
	{"H16", "Redirect to herokuapp.com", 301}, {"H17", "Poorly formatted HTTP response", 503},
	{"H19", "Backend connection timeout", 503}, {"H20", "App boot timeout", 503},
	{"H80", "Maintenance mode", 503}, {"H99", "Platform error", 500},
}

const (
	codeTimeout = 3
	codeCrashed = 4
	codeBacklog = 5
)

var agents = []string{
	"Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.11 (KHTML, like Gecko) Chrome/23.0.1271.64 Safari/537.11",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_8_2) AppleWebKit/536.26.17 (KHTML, like Gecko) Version/6.0.2 Safari/536.26.17",
	"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
	"curl/7.27.0", "Mozilla/5.0 (X11; Linux x86_64; rv:16.0) Gecko/20100101 Firefox/16.0", "-",
}

// A request is one of those that the lines are about.
type request struct {
	domain  int
	path    *path
	id      int // of what the path is about; 0: none
	client  int
	status  int
	code    int // of the router, -1: none
	dyno    int
	millis  int // the backend's
	connect int // milliseconds
	bytes   int
}

const timeLimit = 30_000 // milliseconds, of the router

func (g *generator) request() request {
	w, s := g.world, &g.scene
	r := request{
		domain: w.domains.draw(g.Rand),
		path:   &paths[w.paths.draw(g.Rand)],
		status: 200,
		code:   -1,
		dyno:   1 + g.IntN(8),
	}
	u := g.Float64()
	r.client = int(u * u * 6000)
	if r.path.ids > 0 {
		u := g.Float64()
		r.id = 1 + int(u*u*float64(r.path.ids))
	}

	millis := r.path.millis * math.Exp(0.6*g.NormFloat64())
	connect := 1.2 * math.Exp(0.8*g.NormFloat64())
	chance := g.Float64()
	hit := r.domain == s.domain
	switch {
	case s.incident == slow && r.path.millis > 10:
		millis *= 1 + s.strength*14
		connect *= 1 + s.strength*3
		if chance < 0.04*s.strength {
			millis = 2 * timeLimit
		}
	case s.incident == crash && hit && chance < 0.7*s.strength:
		r.code = codeCrashed
	case s.incident == broken && hit && r.id > 0 && chance < 0.6*s.strength:
		r.status = 500
	case s.incident == surge && chance < 0.02*s.strength:
		r.code = codeBacklog
	case chance < 0.0008:
		r.code = w.codes.draw(g.Rand)
	case chance < 0.0030:
		r.status = 500
	case chance < 0.0040:
		r.status = 502
	case chance < 0.045:
		r.status = 404
	case chance < 0.055 && r.path.method == "POST":
		r.status = 422
	case chance < 0.075:
		r.status = 302
	case chance < 0.17 && r.path.method == "GET" && r.path.millis < 10:
		r.status = 304
	case chance < 0.45 && r.path.method == "POST":
		r.status = 201
	}
	r.millis, r.connect = int(millis), int(connect)
	if r.millis >= timeLimit {
		r.code, r.millis = codeTimeout, timeLimit
	}
	if r.code >= 0 {
		r.status = codes[r.code].status
		if r.code != codeTimeout {
			r.millis = 0
		}
		return r
	}
	switch r.status {
	case 304, 302:
	case 200, 201:
		r.bytes = int(r.path.bytes * math.Exp(0.5*g.NormFloat64()))
	default:
		r.bytes = 500 + g.IntN(1000)
	}
	return r
}

func (r *request) appendPath(b []byte) []byte {
	b = append(b, r.path.text...)
	if r.id > 0 {
		b = strconv.AppendInt(b, int64(r.id), 10)
	}
	return b
}
