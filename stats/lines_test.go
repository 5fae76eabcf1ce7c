package stats

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// Lines and definitions of the tests and benchmarks of the hot path, made from
// a seed. Lines are about as long and as varied as those of a routing layer.

// firstSecond is the second of the first line.
const firstSecond = 1353605494

func stamp(r *rand.Rand, i, perSecond int) time.Time {
	t := time.Unix(firstSecond+int64(i/perSecond), 0)
	return t.Add(time.Duration(i%perSecond*1_000_000/perSecond+r.IntN(3)) * time.Microsecond)
}

// pulseLine makes a line of the original Pulse.
func pulseLine(r *rand.Rand, t time.Time) string {
	at := t.In(time.FixedZone("", -8*3600)).Format("2006-01-02T15:04:05.000000-07:00")
	host := fmt.Sprintf("10.%d.%d.%d", r.IntN(4), r.IntN(256), r.IntN(256))
	cloud := pick(r, "heroku.com", "heroku.com", "heroku.com", "cloud-b.com")
	place := fmt.Sprintf("%s.%d@%s", pick(r, "runtime", "hermes", "nginx", "route"), r.IntN(200), cloud)
	header := func(source string) string {
		return fmt.Sprintf("%s %s local%d.%s %s[%d] - %s - ", at, host, r.IntN(8), pick(r, "info", "info", "info", "notice", "err"), source, 1000+r.IntN(30), place)
	}
	switch n := r.IntN(100); {
	case n < 35:
		return header("nginx") + accessLine(r, t, pick(r, " app%d.herokuapp.com", " www%d.example.com"), r.IntN(400))
	case n < 70:
		return header("hermes") + fmt.Sprintf("mod=hermes_proxy app_id=%d code=%s method=%s path=/p/%d dyno=web.%d queue=%d wait=%dms service=%d bytes=%d redis=%d.%d request_id=%016x",
			r.IntN(3000), pick(r, "OK", "OK", "OK", "OK", "H10", "H12", "H13", "H14", "H99"), pick(r, "GET", "POST", "PUT"),
			r.IntN(1000), 1+r.IntN(9), r.IntN(5), r.IntN(50), r.IntN(2000), r.IntN(50000), r.IntN(30), r.IntN(10), r.Uint64())
	case n < 76:
		return header("hermes") + fmt.Sprintf("mod=%s_callback at=%s callback=msg elapsed=%d", pick(r, "services", "procs", "domains", "domain_groups"), pick(r, "msg", "connect", "disconnect"), r.IntN(100))
	case n < 80:
		return header("hermes") + fmt.Sprintf("mod=hermes_clock callback=%s_callback latency=%d.%03d staleness=%d", pick(r, "services", "procs", "domains", "domain_groups"), r.IntN(9), r.IntN(1000), r.IntN(100))
	case n < 88:
		return header("psmgr") + fmt.Sprintf("amqp_message action=%s exchange=ps.state key=runtime.%d elapsed=%d.%03d", pick(r, "publish", "received", "timeout"), r.IntN(200), r.IntN(2), r.IntN(1000))
	case n < 93:
		return header("varnish") + fmt.Sprintf(`%s - - [x] "GET http://www.example.com/%d HTTP/1.1" %s 123 "-" "agent"`, host, r.IntN(999), pick(r, "200", "200", "304", "503"))
	case n < 97:
		return header("logplex") + fmt.Sprintf("logplex_stats message_processed=%d drain_delivered=%d drain_id=%d", r.IntN(10000), r.IntN(1000), r.IntN(50))
	case n < 99:
		return header("rendezvous") + fmt.Sprintf("app=rendezvous fn=join at=%s slot=%d", pick(r, "start", "rendezvous"), r.IntN(99))
	}
	return at + " " + host + " garbage without a level"
}

func accessLine(r *rand.Rand, t time.Time, domain string, n int) string {
	if domain != "" {
		domain = fmt.Sprintf(domain, n)
	}
	return fmt.Sprintf(`%d.%d.%d.%d - - [%s] "%s /path/%d?q=%d HTTP/1.1" %s %d "http://www.example.com/%d" "Mozilla/5.0 (X11; Linux x86_64) Chrome/32.0.%d Safari/537.36"%s`,
		1+r.IntN(200), r.IntN(256), r.IntN(256), r.IntN(256), t.UTC().Format("02/Jan/2006:15:04:05 -0700"), pick(r, "GET", "GET", "POST"),
		r.IntN(500), r.IntN(99), pick(r, "200", "200", "200", "200", "304", "404", "500", "502", "503"), r.IntN(60000), r.IntN(50), r.IntN(1000), domain)
}

func routerLine(r *rand.Rand, t time.Time) string {
	code := ""
	level := "info"
	status := pick(r, "200", "200", "200", "304", "404", "500")
	if r.IntN(20) == 0 {
		code, level, status = " code="+pick(r, "H10", "H12", "H13"), "error", "503"
	}
	return fmt.Sprintf(`%s heroku[router]: at=%s%s method=%s path="/items/%d" host=app%d.example.com request_id=%08x-%04x fwd="%d.%d.%d.%d" dyno=web.%d connect=%dms service=%dms status=%s bytes=%d`,
		t.UTC().Format("2006-01-02T15:04:05.000000+00:00"), level, code, pick(r, "GET", "GET", "GET", "POST"), r.IntN(2000), r.IntN(150), r.Uint32(), r.Uint32()&0xffff,
		1+r.IntN(200), r.IntN(256), r.IntN(256), r.IntN(256), 1+r.IntN(20), r.IntN(10), int(r.ExpFloat64()*60), status, r.IntN(40000))
}

func jsonLine(r *rand.Rand, t time.Time) string {
	return fmt.Sprintf(`{"time":"%s","level":"%s","msg":"request done","method":"%s","path":"/items/%d","status":%s,"bytes":%d,"duration":%d.%d,"user":{"id":%d,"plan":"%s"}}`,
		t.UTC().Format(time.RFC3339Nano), pick(r, "info", "info", "warn", "error"), pick(r, "GET", "POST"), r.IntN(500), pick(r, "200", "200", "404", "500"), r.IntN(40000), r.IntN(900), r.IntN(10), r.IntN(5000), pick(r, "free", "pro"))
}

// hostileLine gives a new value to every field, and keys in a new order.
func hostileLine(r *rand.Rand, t time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s 10.1.2.3 local7.info s%d[%d] - slot%d.%d@c%d - ", t.UTC().Format("2006-01-02T15:04:05.000000+00:00"), r.Uint32(), r.Uint32(), r.Uint32(), r.Uint32(), r.Uint32())
	keys := []string{"mod", "code", "app_id", "at", "latency", "staleness", "callback", "redis", "action", "app", "fn", "deploy", "error_type", "amqp_message", "cache_purge"}
	r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	for _, k := range keys[:3+r.IntN(12)] {
		fmt.Fprintf(&b, "%s=%x k%x=v%x ", k, r.Uint32(), r.Uint32(), r.Uint32())
	}
	return b.String()
}

func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

// packs makes n lines in packs of about a hundredth of a second each.
func packs(n int, make func(*rand.Rand, time.Time) string) []Pack {
	const perSecond = 20000
	r := rand.New(rand.NewPCG(1, 2))
	var out []Pack
	for i := 0; i < n; {
		var b strings.Builder
		second := firstSecond + int64(i/perSecond)
		for range perSecond / 100 {
			b.WriteString(make(r, stamp(r, i, perSecond)))
			b.WriteByte('\n')
			i++
		}
		out = append(out, Pack{Lines: []byte(b.String()), Second: second, Floor: second})
	}
	return out
}

// pulseYAML defines most of the original's statistics for one cloud, the same
// for a second one if two, and others that no line meets, n stats in all.
func pulseYAML(n int) string {
	var b strings.Builder
	count := 0
	stat := func(name, kind, where string) {
		if count++; count > n {
			return
		}
		fmt.Fprintf(&b, "  - name: %s\n    %s\n", name, kind)
		if where != "" {
			fmt.Fprintf(&b, "    where: %s\n", where)
		}
	}
	b.WriteString("stats:\n")
	stat("events-per-second", "rate: second", "")
	stat("events-per-second-unparsed", "rate: second", "unparsed")
	stat("rendezvous-joins", "rate: minute", `app == "rendezvous" && fn == "join" && at == "start"`)
	for _, cloud := range []string{"heroku.com", "cloud-b.com"} {
		scoped := func(name, kind, where string) {
			stat(strings.ReplaceAll(cloud, ".", "-")+"."+name, kind, fmt.Sprintf(`cloud == "%s" && (%s)`, cloud, where))
		}
		scoped("amqp-publishes", "rate: second", `amqp_publish != nil || amqp_message != nil && action == "publish"`)
		scoped("amqp-receives", "rate: second", `amqp_message != nil && action == "received"`)
		scoped("amqp-timeouts", "rate: minute", `amqp_message != nil && action == "timeout"`)
		nginx := `source == "nginx" && http_status != nil`
		scoped("nginx-requests", "rate: second", nginx)
		scoped("nginx-domains", "unique: http_domain", nginx)
		scoped("nginx-errors", "rate: minute", `source == "nginx" && level == "crit" && msg contains "[error]"`)
		scoped("varnish-requests", "rate: second", `source == "varnish" && http_status != nil`)
		for _, code := range []string{"500", "502", "503", "504"} {
			scoped("nginx-"+code, "rate: minute", nginx+` && http_host != "127.0.0.1" && http_status == `+code)
			scoped("nginx-"+code+"-domains", "unique: http_domain", nginx+` && http_host != "127.0.0.1" && http_status == `+code)
			scoped("varnish-"+code, "rate: minute", `source == "varnish" && http_status == `+code)
		}
		scoped("varnish-purges", "rate: minute", "cache_purge != nil")
		hermes := `mod == "hermes_proxy"`
		scoped("hermes-requests", "rate: second", hermes+" && code != nil")
		scoped("hermes-apps", "unique: app_id", hermes)
		scoped("hermes-service", "mean: service", hermes)
		for _, code := range []string{"H10", "H11", "H12", "H13", "H14", "H15", "H16", "H17", "H18", "H19", "H20", "H80", "H99"} {
			scoped("hermes-"+code, "rate: minute", hermes+fmt.Sprintf(` && code == "%s"`, code))
			scoped("hermes-"+code+"-apps", "unique: app_id", hermes+fmt.Sprintf(` && code == "%s"`, code))
		}
		scoped("hermes-econns", "rate: minute", hermes+` && error_type == "econn"`)
		scoped("hermes-errors", "rate: minute", `level == "err" && source == "hermes"`)
		scoped("hermes-slow-redis", "rate: minute", hermes+" && redis >= 10")
		scoped("hermes-catastrophic-redis", "rate: minute", hermes+" && redis >= 25")
		for _, mod := range []string{"services", "procs", "domains", "domain_groups"} {
			for _, at := range []string{"msg", "connect", "disconnect"} {
				scoped("hermes-"+mod+"-"+at, "rate: minute", fmt.Sprintf(`mod == "%s_callback" && at == "%s"`, mod, at))
			}
			scoped("hermes-"+mod+"-latency", "mean: latency", fmt.Sprintf(`mod == "hermes_clock" && callback == "%s_callback"`, mod))
			scoped("hermes-"+mod+"-staleness", "mean: staleness", fmt.Sprintf(`mod == "hermes_clock" && callback == "%s_callback"`, mod))
		}
		scoped("logplex-processed", "sum: message_processed", "logplex_stats != nil")
	}
	for i := 0; count < n; i++ {
		switch i % 4 {
		case 0:
			stat(fmt.Sprintf("other-%d", i), "rate: second", fmt.Sprintf(`source == "service%d" && at == "event%d"`, i, i%50))
		case 1:
			stat(fmt.Sprintf("other-%d", i), "unique: app_id", fmt.Sprintf(`cloud == "heroku.com" && mod == "module%d" && code != nil`, i))
		case 2:
			stat(fmt.Sprintf("other-%d", i), "rate: minute", fmt.Sprintf(`code == "E%d" && redis >= 5`, i))
		case 3:
			stat(fmt.Sprintf("other-%d", i), "mean: latency", fmt.Sprintf(`app == "app%d" && msg contains "zzz"`, i))
		}
	}
	return b.String()
}

const routerYAML = `stats:
  - {name: requests, rate: second}
  - {name: errors, rate: minute, where: 'at == "error"'}
  - {name: h10, rate: minute, where: 'code == "H10"'}
  - {name: h12, rate: minute, where: 'code == "H12"'}
  - {name: post, rate: second, where: 'method == "POST"'}
  - {name: s500, rate: minute, where: 'status == 500'}
  - {name: s5xx, rate: minute, where: 'status >= 500'}
  - {name: slow, rate: minute, where: 'service >= 1000'}
  - {name: get404, rate: minute, where: 'method == "GET" && status == 404'}
  - {name: hosts, unique: host}
  - {name: slowest, max: service}
  - {name: service, quantiles: service, at: [0.5, 0.95, 0.99]}
  - {name: bytes, mean: bytes}
`

const accessYAML = `stats:
  - {name: requests, rate: second}
  - {name: gets, rate: second, where: 'http_method == "GET"'}
  - {name: s2xx, rate: second, where: 'http_status >= 200 && http_status <= 299'}
  - {name: s4xx, rate: second, where: 'http_status >= 400 && http_status <= 499'}
  - {name: s5xx, rate: minute, where: 'http_status >= 500 && http_status <= 599'}
  - {name: clients, unique: http_host}
  - {name: bytes, quantiles: http_bytes, at: [0.5, 0.95]}
  - {name: sent, sum: http_bytes}
`

const jsonYAML = `stats:
  - {name: events, rate: second}
  - {name: errors, rate: minute, where: 'level == "error"'}
  - {name: s5xx, rate: minute, where: 'status >= 500 && status <= 599'}
  - {name: posts, rate: second, where: 'method == "POST"'}
  - {name: users, unique: user.id}
  - {name: duration, quantiles: duration, at: [0.5, 0.95]}
  - {name: bytes, mean: bytes}
`

func compile(t testing.TB, yaml string) *Program {
	t.Helper()
	d, err := Parse("test.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
