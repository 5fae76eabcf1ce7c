package line

import (
	"maps"
	"strings"
	"testing"
)

func TestAccessLine(t *testing.T) {
	const at = "[22/Nov/2012:09:31:34 +0100]"
	const utc = "2012-11-22T08:31:34Z"
	testFormat(t, []formatTest{
		{"combined", `1.2.3.4 - - ` + at + ` "POST /x HTTP/1.0" 404 - "-" "Mozilla/5.0 (X11)"`, utc, fields{
			"http_host": "'1.2.3.4", "http_method": "'POST", "http_url": "'/x", "http_version": "1", "http_status": "404", "http_user_agent": "'Mozilla/5.0 (X11)"}},
		{"common", `a.example.com ident bob ` + at + ` "GET / HTTP/1.1" 200 17`, utc, fields{
			"http_host": "'a.example.com", "http_user": "'bob", "http_method": "'GET", "http_url": "'/", "http_version": "1.1", "http_status": "200", "http_bytes": "17"}},
		{"domain", `::1 - - ` + at + ` "GET / HTTP/1.1" 200 17 "" "a" d.example.com`, utc, fields{
			"http_host": "'::1", "http_method": "'GET", "http_url": "'/", "http_version": "1.1", "http_status": "200", "http_bytes": "17", "http_user_agent": "'a", "http_domain": "'d.example.com"}},
		{"escaped quotes", `1.2.3.4 - - ` + at + ` "GET /\"x\" HTTP/1.1" 200 1 "-" "say \"hi\""`, utc, fields{
			"http_host": "'1.2.3.4", "http_method": "'GET", "http_url": `'/\"x\"`, "http_version": "1.1", "http_status": "200", "http_bytes": "1", "http_user_agent": `'say \"hi\"`}},
		{"not a request", `1.2.3.4 - - ` + at + ` "\x16\x03" 400 0 "-" "-"`, utc, fields{
			"http_host": "'1.2.3.4", "http_status": "400", "http_bytes": "0"}},
		{"empty request", `1.2.3.4 - - ` + at + ` "" 400 0`, utc, fields{"http_host": "'1.2.3.4", "http_status": "400", "http_bytes": "0"}},
		{"URL with spaces", `1.2.3.4 - - ` + at + ` "GET /a b HTTP/1.1" 200 0`, utc, fields{
			"http_host": "'1.2.3.4", "http_method": "'GET", "http_url": "'/a b", "http_version": "1.1", "http_status": "200", "http_bytes": "0"}},
		{"more after the agent", `1.2.3.4 - - ` + at + ` "GET / HTTP/1.1" 200 0 "-" "-" "x" 0.005`, utc, fields{
			"http_host": "'1.2.3.4", "http_method": "'GET", "http_url": "'/", "http_version": "1.1", "http_status": "200", "http_bytes": "0",
			"http_request_time": "0.005"}},
		{"virtual host", `d.example.com:443 1.2.3.4 - - ` + at + ` "-" 200 0 "-" "a"`, utc, fields{
			"http_host": "'1.2.3.4", "http_domain": "'d.example.com", "http_status": "200", "http_bytes": "0", "http_user_agent": "'a"}},
		{"virtual host, common", `[::1]:80 ::2 - bob ` + at + ` "" 200 5`, utc, fields{
			"http_host": "'::2", "http_user": "'bob", "http_domain": "'[::1]", "http_status": "200", "http_bytes": "5"}},
		{"user of two words", `1.2.3.4 - John Doe ` + at + ` "" 200 5`, utc, fields{
			"http_host": "'1.2.3.4", "http_user": "'John Doe", "http_status": "200", "http_bytes": "5"}},
		{"user of many words", `d.example.com:80 1.2.3.4 - a  [b] [c ` + at + ` "" 200 5`, utc, fields{
			"http_host": "'1.2.3.4", "http_domain": "'d.example.com", "http_user": "'a  [b] [c", "http_status": "200", "http_bytes": "5"}},
		{"list of addresses", `1.2.3.4, 5.6.7.8 - - ` + at + ` "" 200 5`, utc, fields{"http_host": "'1.2.3.4", "http_status": "200", "http_bytes": "5"}},
		{"long list of addresses", `1.2.3.4, 5.6.7.8, ::1 - John Doe ` + at + ` "" 200 5 "-" "-" d.example.com`, utc, fields{
			"http_host": "'1.2.3.4", "http_user": "'John Doe", "http_domain": "'d.example.com", "http_status": "200", "http_bytes": "5"}},
		{"list of addresses after a virtual host", `d.example.com 1.2.3.4, 5.6.7.8 id bob ` + at + ` "" 200 5`, utc, fields{
			"http_host": "'1.2.3.4", "http_domain": "'d.example.com", "http_user": "'bob", "http_status": "200", "http_bytes": "5"}},
		{"list of addresses alone", `1.2.3.4, 5.6.7.8, ` + at + ` "" 200 5`, "", fields{"unparsed": "true"}},
		{"commas alone", `, , , , ` + at + ` "" 200 5`, "", fields{"unparsed": "true"}},
		{"word after a missing user", `1.2.3.4 - - x ` + at + ` "" 200 5`, "", fields{"unparsed": "true"}},
		{"two users, neither told", `d.example.com 1.2.3.4 x John Doe ` + at + ` "" 200 5`, "", fields{"unparsed": "true"}},
		{"user of two words, no time", `1.2.3.4 - John Doe [x] "" 200 5`, "", fields{"unparsed": "true"}},
		{"five words", `a b c d e ` + at + ` "" 200 5`, "", fields{"unparsed": "true"}},
		{"Apache's microseconds", `d.example.com 1.2.3.4 - - ` + at + ` "" 200 5 51234 "-" "a"`, utc, fields{
			"http_host": "'1.2.3.4", "http_domain": "'d.example.com", "http_status": "200", "http_bytes": "5", "http_user_agent": "'a", "http_request_time": "51234"}},
		{"request and upstream times", `1.2.3.4 - - ` + at + ` "" 200 5 "-" "a" "5.6.7.8, 9.9.9.9" d.example.com:80 0.105 0.003, 0.100 x 7`, utc, fields{
			"http_host": "'1.2.3.4", "http_status": "200", "http_bytes": "5", "http_user_agent": "'a", "http_domain": "'d.example.com",
			"http_forwarded_for": "'5.6.7.8", "http_request_time": "0.105", "http_upstream_time": "0.103"}},
		{"times that are missing or quoted", `1.2.3.4 - - ` + at + ` "" 200 5 "-" "a" "-" - "0.105" -`, utc, fields{
			"http_host": "'1.2.3.4", "http_status": "200", "http_bytes": "5", "http_user_agent": "'a", "http_request_time": "0.105"}},
		{"named times", `1.2.3.4 - - ` + at + ` "" 200 5 "-" "a" rt=0.105 uct="0.001" urt=- uht="-" http_status=1 at= unparsed=true http_user=x host=h`, utc, fields{
			"http_host": "'1.2.3.4", "http_status": "200", "http_bytes": "5", "http_user_agent": "'a", "rt": "0.105", "uct": "0.001", "http_user": "'x", "host": "'h"}},
		{"names that are odd", `1.2.3.4 - - ` + at + ` "" 200 5 "-" "a" =x a"b="1" "rt=1" rt==2`, utc, fields{
			"http_host": "'1.2.3.4", "http_status": "200", "http_bytes": "5", "http_user_agent": "'a", "rt": "'=2"}},
		{"named, of the others", `{"urt":1,"uht":2,"at":3}`, "", fields{"urt": "1", "uht": "2", "at": "3"}},
		{"tail cut off", `1.2.3.4 - - ` + at + ` "" 200 5 "-" "a" "x`, utc, fields{
			"http_host": "'1.2.3.4", "http_status": "200", "http_bytes": "5", "http_user_agent": "'a"}},
		{"day that is not", `1.2.3.4 - - [31/Feb/2012:09:31:34 +0100] "GET / HTTP/1.1" 200 0`, "", fields{"unparsed": "true"}},
		{"cut off", `1.2.3.4 - - ` + at + ` "GET / HT`, "", fields{"unparsed": "true"}},
		{"no status", `1.2.3.4 - - ` + at + ` "GET / HTTP/1.1" - 0`, "", fields{"unparsed": "true"}},
	})
}

// TestAccessTails: of what comes after the bytes, or the agent, what is known for
// sure is read, and nothing else.
func TestAccessTails(t *testing.T) {
	s := newSchema(t, "http_domain", "http_forwarded_for", "http_request_time", "http_upstream_time", "http_upstream_status", "http_request_bytes", "http_request_id",
		"http_frontend", "http_backend", "http_server", "http_referrer", "http_user_agent", "rt", "urt", "ua", "xff", "status", "level")
	sc, ev := s.NewScanner(), new(Event)
	const head = `1.2.3.4 - - [22/Nov/2012:09:31:34 +0100] "GET / HTTP/1.1" 200 5`
	combined := fields{"http_referrer": "'http://r/", "http_user_agent": "'a b"}
	for _, test := range []struct {
		tail string // of the combined format, or after the bytes if it begins with >
		want fields // without referrer and agent, which are there unless it begins with >
	}{
		// nginx
		{`"-"`, nil}, {`"5.6.7.8"`, fields{"http_forwarded_for": "'5.6.7.8"}}, {`"2001:db8::1, 10.0.0.1"`, fields{"http_forwarded_for": "'2001:db8::1"}},
		{`0.105`, fields{"http_request_time": "0.105"}}, {`"0.105"`, fields{"http_request_time": "0.105"}}, {`0.000`, fields{"http_request_time": "0"}},
		{`0.105 0.100`, fields{"http_request_time": "0.105", "http_upstream_time": "0.1"}},
		{`0.100 0.105`, fields{"http_request_time": "0.105", "http_upstream_time": "0.1"}},
		{`0.105 0.100 .`, fields{"http_request_time": "0.105", "http_upstream_time": "0.1"}},
		{`0.105 -`, fields{"http_request_time": "0.105"}}, {`- 0.105`, fields{"http_request_time": "0.105"}},
		{`"0.105" "0.100, 0.002"`, fields{"http_request_time": "0.105", "http_upstream_time": "0.102"}},
		{`0.105 0.100, 0.002 : 0.001`, fields{"http_request_time": "0.105", "http_upstream_time": "0.103"}},
		{`0.105 0.001 , 0.002 : 0.001 ,  0.001`, fields{"http_request_time": "0.105", "http_upstream_time": "0.005"}},
		{`"-" "-" 1505682002.098 adfr="-" rt=0.151 ut="0.151" cs=MISS ua="10.16.20.25:8084" us="200"`, fields{"rt": "0.151", "ua": "'10.16.20.25:8084"}},
		{`0.105 "-, 0.002"`, fields{"http_request_time": "0.105"}},
		{`"5.6.7.8" example.com 0.105 0.100`, fields{"http_forwarded_for": "'5.6.7.8", "http_domain": "'example.com", "http_request_time": "0.105", "http_upstream_time": "0.1"}},
		{`0.105 0.001 0.002 0.100`, nil}, {`1353576694.123`, nil}, {`"3.25"`, nil}, {`1353576694.123 0.105`, fields{"http_request_time": "0.105"}},
		{`rt=0.105 urt="0.100" ua="10.0.0.1:80"`, fields{"rt": "0.105", "urt": "0.1", "ua": "'10.0.0.1:80"}},
		{`0.003, 0.100`, fields{"http_upstream_time": "0.103"}}, {`"0.003, 0.100"`, fields{"http_upstream_time": "0.103"}}, {`0.003 : 0.100`, fields{"http_upstream_time": "0.103"}},
		{`urt="0.003, 0.100 : 0.005"`, fields{"urt": "0.108"}}, {`urt=0.003,0.100`, fields{"urt": "0.103"}}, {`rt="0.003, 0.100"`, fields{"rt": "'0.003, 0.100"}}, {`xff="5.6.7.8, 10.0.0.1"`, fields{"xff": "'5.6.7.8"}},
		{`"0.003, -"`, fields{"http_upstream_time": "0.003"}}, {`0.100 "0.100, 0.002"`, fields{"http_request_time": "0.1", "http_upstream_time": "0.102"}},
		{`"0.100, 0.002" 0.100`, fields{"http_request_time": "0.1", "http_upstream_time": "0.102"}}, {`"0.001, 0.002" "0.100, 0.002"`, nil},
		{`1.234 ms`, nil}, {`1.234 msec`, nil}, {`"1.234 ms"`, nil}, {`1.234 % gzip`, nil}, {`gzip 1.234 % 0.105`, nil}, {`0.105 s`, nil}, {`0.105 1.234 MB`, nil}, {`"0.105" ms`, nil},
		{`"TLSv1.2" ECDHE-RSA-AES128-GCM-SHA256 HIT p US https 17`, nil},
		// Apache
		{`51234`, nil}, {`0`, nil}, {`431 980`, nil}, {`431 980 51234`, nil}, {`51234 example.com`, fields{"http_domain": "'example.com"}},
		{`8080`, nil}, {`443`, nil}, {`> 80`, fields{}}, {`> 443 "http://r/" "a b"`, fields{"http_referrer": "'http://r/", "http_user_agent": "'a b"}}, {`8081`, nil},
		{`0/51234`, fields{"http_request_time": "0.051234"}}, {`**2/2051234**`, fields{"http_request_time": "2.051234"}}, {`3/2051234`, nil}, {`1/2/3`, nil},
		{`>`, fields{}}, {`> 51234`, fields{"http_request_time": "51234"}}, {`> 0/51234`, fields{"http_request_time": "0.051234"}}, {`> 0.105`, fields{"http_request_time": "0.105"}},
		{`> 51234 "http://r/" "a b"`, fields{"http_referrer": "'http://r/", "http_user_agent": "'a b", "http_request_time": "51234"}},
		{`> 431 980 "http://r/" "a b"`, fields{"http_referrer": "'http://r/", "http_user_agent": "'a b"}},
		{`> 0.105 "http://r/" "a b" "5.6.7.8"`, fields{"http_referrer": "'http://r/", "http_user_agent": "'a b", "http_request_time": "0.105", "http_forwarded_for": "'5.6.7.8"}},
		{`> "http://r/"`, fields{"http_referrer": "'http://r/"}}, {`> "Mozilla/5.0"`, fields{}}, {`> "http://r/" 51234`, fields{"http_referrer": "'http://r/"}},
		// Traefik, ingress-nginx, HAProxy's CLF, Squid, CloudFlare and others
		{`162 "shop@docker" "http://10.0.0.3:80" 22ms`, fields{"http_frontend": "'shop@docker", "http_server": "'http://10.0.0.3:80", "http_request_time": "0.022"}},
		{`162 "-" "-" 0ms`, fields{"http_request_time": "0"}},
		{`504 0.012 [shop-web-80] [] 10.1.0.9:8080 612 0.011 200 6a9f7f`, fields{"http_request_bytes": "504", "http_request_time": "0.012", "http_backend": "'shop-web-80",
			"http_server": "'10.1.0.9:8080", "http_upstream_time": "0.011", "http_upstream_status": "200", "http_request_id": "'6a9f7f"}},
		{`504 0.012 [shop-web-80] 10.1.0.9:8080 612 0.011 200`, fields{"http_request_bytes": "504", "http_request_time": "0.012", "http_backend": "'shop-web-80",
			"http_server": "'10.1.0.9:8080", "http_upstream_time": "0.011", "http_upstream_status": "200"}},
		{`504 0.000 [] [] - - - - 6a9f7f`, fields{"http_request_bytes": "504", "http_request_time": "0", "http_request_id": "'6a9f7f"}},
		{`33317 655 "http-in" "static" "srv1" 10 0 30 69 109 ---- 1 1 1 1 0 0 0 "" "" "" ""`, nil},
		{`TCP_MISS:HIER_DIRECT`, nil}, {`22ms`, nil}, {`-,`, nil}, {`:`, nil}, {`10.1.0.9:8080`, nil}, {`example.com:443`, fields{"http_domain": "'example.com"}}, {`localhost`, fields{"http_domain": "'localhost"}},
		{`web`, nil}, {`1.example`, fields{"http_domain": "'1.example"}}, {`a.2`, nil}, {`/a?status=500`, nil}, {`a=1&status=500`, nil}, {`"x`, nil},
		{strings.Repeat(`x `, 40) + `0.105`, nil},
	} {
		line, want := head, maps.Clone(test.want)
		if tail, bare := strings.CutPrefix(test.tail, ">"); bare {
			line += tail
		} else {
			line += ` "http://r/" "a b" ` + test.tail
			if want == nil {
				want = fields{}
			}
			maps.Copy(want, combined)
		}
		sc.Parse(ev, buffer(line), 0, len(line))
		if got := describe(s, ev); !maps.Equal(got, want) {
			t.Errorf("%s\n got %v\nwant %v", line, got, want)
		}
	}
}

// TestAccessNames: the virtual host, the user, and what else may stand before the
// request.
func TestAccessNames(t *testing.T) {
	testFormat(t, []formatTest{
		{"older ingress-nginx", `1.2.3.4 - [1.2.3.4] - bob [22/Nov/2012:09:31:34 +0100] "GET / HTTP/1.1" 200 5`, "2012-11-22T08:31:34Z", fields{
			"http_host": "'1.2.3.4", "http_user": "'bob", "http_status": "200", "http_path": "'/"}},
		{"a proxy's address and a list", `127.0.0.1 5.6.7.8, 10.0.0.1 - [22/Nov/2012:09:31:34 +0000] "GET /a HTTP/1.1" 200 5 "-" "agent"`, "2012-11-22T09:31:34Z", fields{
			"http_host": "'5.6.7.8", "http_status": "200", "http_path": "'/a", "http_user_agent": "'agent"}},
		{"a proxy's address and a longer list", `127.0.0.1 5.6.7.8, 10.0.0.1, 10.0.0.2 bob [22/Nov/2012:09:31:34 +0000] "GET /a HTTP/1.1" 200 5`, "2012-11-22T09:31:34Z", fields{
			"http_host": "'5.6.7.8", "http_user": "'bob", "http_status": "200", "http_path": "'/a"}},
		{"two blanks", `1.2.3.4 - - [22/Nov/2012:09:31:34 +0000]  "GET /a HTTP/1.1" 200 5 "-" "-" 0.570`, "2012-11-22T09:31:34Z", fields{
			"http_host": "'1.2.3.4", "http_status": "200", "http_path": "'/a", "http_request_time": "0.57"}},
		{"two times first", `0 51234 1.2.3.4 - - [22/Nov/2012:09:31:34 +0000] "GET /a HTTP/1.1" 200 5`, "", fields{"unparsed": "true"}},
		{"a request without quotes", `0.001 0.001 [22/Nov/2012:09:31:34 -0800] GET /a HTTP/1.1 304 0 "-"`, "", fields{"unparsed": "true"}},
		{"Python", `127.0.0.1 - - [22/Nov/2012 09:31:34] "GET /a?x=1 HTTP/1.1" 200 -`, "2012-11-22T09:31:34Z", fields{"http_host": "'127.0.0.1", "http_status": "200", "http_path": "'/a"}},
		{"time before the request", `1.2.3.4 - - [22/Nov/2012:09:31:34 +0000] 51234 "GET http://a.b/c#d HTTP/1.1" 200 5`, "2012-11-22T09:31:34Z", fields{
			"http_host": "'1.2.3.4", "http_status": "200", "http_path": "'/c", "http_request_time": "51234"}},
		{"port before the request", `1.2.3.4 - - [22/Nov/2012:09:31:34 +0000] 443 "GET /a HTTP/1.1" 200 5`, "2012-11-22T09:31:34Z", fields{"http_host": "'1.2.3.4", "http_status": "200", "http_path": "'/a"}},
		{"domain before the request", `1.2.3.4 - - [22/Nov/2012:09:31:34 +0000] a.b "GET * HTTP/1.1" 200 5`, "2012-11-22T09:31:34Z", fields{
			"http_host": "'1.2.3.4", "http_status": "200", "http_domain": "'a.b"}},
		{"number for a virtual host", `443 1.2.3.4 - - [22/Nov/2012:09:31:34 +0000] "CONNECT a.b:443 HTTP/1.1" 200 5`, "2012-11-22T09:31:34Z", fields{"http_host": "'1.2.3.4", "http_status": "200"}},
		{"address for a virtual host", `10.0.0.1:80 1.2.3.4 - - [22/Nov/2012:09:31:34 +0000] "GET http://a.b HTTP/1.1" 200 5`, "2012-11-22T09:31:34Z", fields{
			"http_host": "'1.2.3.4", "http_status": "200", "http_domain": "'10.0.0.1"}},
		{"default server", `_ 1.2.3.4 - - [22/Nov/2012:09:31:34 +0000] "GET / HTTP/1.1" 200 5`, "2012-11-22T09:31:34Z", fields{"http_host": "'1.2.3.4", "http_status": "200", "http_path": "'/"}},
	})
}
