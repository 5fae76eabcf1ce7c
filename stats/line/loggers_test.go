package line

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestLoggers reads what loggers and servers write when nobody configures them: its
// format, its time, and what a dashboard asks for.
func TestLoggers(t *testing.T) {
	const at, second, milli = "2025-11-22T09:31:34Z", "2025-11-22T09:31:34Z", "2025-11-22T09:31:34.123Z"
	tests := []struct {
		by, line, format, time string
		want                   fields // of those that are asked for, the others must be missing
	}{
		{"log4j 1, BasicConfigurator", "160 [main] INFO com.example.Shop  - status=200", "log", "", fields{"level": "'INFO", "source": "'com.example.Shop", "ps": "'main", "status": "200"}},
		{"log4j 2", "09:31:34.123 [main] ERROR com.example.Shop - status=500", "log", "", fields{"level": "'ERROR", "source": "'com.example.Shop", "ps": "'main", "status": "500"}},
		{"log4j 2, JsonLayout", `{"instant":{"epochSecond":1763803894,"nanoOfSecond":123000000},"thread":"main","level":"ERROR","loggerName":"com.example.Shop","message":"x","status":500}`, "json", second, fields{
			"level": "'ERROR", "message": "'x", "status": "500"}},
		{"log4j, ISO8601", "2025-11-22 09:31:34,123 INFO  [main] shop (Shop.java:5) - sold", "log", milli, fields{"level": "'INFO"}},
		{"logback", "09:31:34.123 [main] INFO  com.example.Shop - sold", "log", "", fields{"level": "'INFO", "source": "'com.example.Shop", "ps": "'main"}},
		{"Spring Boot 2", "2025-11-22 09:31:34.123  INFO 12 --- [nio-8080-exec-1] c.e.Shop                                 : sold", "log", milli, fields{"level": "'INFO", "source": "'c.e.Shop", "ps": "12"}},
		{"Python, logging", "ERROR:root:sold out", "log", "", fields{"level": "'ERROR", "source": "'root"}},
		{"Python, with its asctime", "2025-11-22 09:31:34,123 - shop - ERROR - sold out", "log", milli, fields{"level": "'ERROR", "source": "'shop"}},
		{"Python, json-logger", `{"asctime": "2025-11-22 09:31:34,123", "levelname": "ERROR", "message": "x", "status": 500}`, "json", milli, fields{"status": "500", "message": "'x"}},
		{"Go's log", "2025/11/22 09:31:34 status=500 a=b", "log", second, fields{"status": "500"}},
		{"Go's log with microseconds", "2025/11/22 09:31:34.123456 main.go:5: sold", "log", "2025-11-22T09:31:34.123456Z", fields{"caller": "'main.go:5"}},
		{"slog", "2025/11/22 09:31:34 INFO sold status=200", "log", second, fields{"level": "'INFO", "status": "200"}},
		{"slog, TextHandler", "time=2025-11-22T09:31:34.123Z level=INFO msg=sold status=200 took=1.5ms n=2.5e+06", "logfmt", milli, fields{"level": "'INFO", "status": "200", "took": "1.5", "n": "2500000"}},
		{"slog, JSONHandler", `{"time":"2025-11-22T10:31:34.123+01:00","level":"INFO","msg":"sold","status":200,"took":1500000}`, "json", milli, fields{"level": "'INFO", "status": "200", "took": "1500000"}},
		{"zap, production", `{"level":"info","ts":1763803894.123,"caller":"main.go:5","msg":"sold","status":200}`, "json", milli, fields{"level": "'info", "status": "200", "caller": "'main.go:5"}},
		{"zap, development", "2025-11-22T09:31:34.123Z\tINFO\tmain.go:5\tsold\t{\"status\": 200}", "log", milli, fields{"level": "'INFO", "status": "200", "caller": "'main.go:5"}},
		{"Caddy, console", "2025/11/22 09:31:34.123\t\x1b[34mINFO\x1b[0m\thttp.log.access.log0\thandled request\t{\"request\": {\"uri\": \"/ {a\"}, \"took\": 0.03, \"status\": 200}", "log", milli, fields{"level": "'INFO", "source": "'http.log.access.log0", "took": "0.03", "status": "200"}},
		{"zap, a named logger", "2025-11-22T09:31:34.123Z\tINFO\tcontrollers.Cart\tsold\t{\"status\": 200}", "log", milli, fields{"level": "'INFO", "source": "'controllers.Cart", "status": "200"}},
		{"zap, a named logger, no fields", "2025-11-22T09:31:34.123Z\tINFO\tsetup\tsold", "log", milli, fields{"level": "'INFO", "source": "'setup"}},
		{"Sleuth", "2025-11-22 09:31:34.123  INFO [shop,64b1,9a] 12 --- [nio-1] c.e.Cart : status=200", "log", milli, fields{"level": "'INFO", "source": "'c.e.Cart", "ps": "12", "status": "200"}},
		{"Uvicorn", `INFO:     198.51.100.7:5000 - "GET /a HTTP/1.1" 404 Not Found`, "log", "", fields{"level": "'INFO", "http_status": "404", "http_path": "'/a"}},
		{"Uvicorn with a time", `2025-11-22 09:31:34 INFO:     ::1:5000 - "GET /a HTTP/1.1" 200 OK`, "log", second, fields{"level": "'INFO", "http_status": "200", "http_path": "'/a"}},
		{"Uvicorn, no request", `2025-11-22 09:31:34 INFO:     198.51.100.7:5000 - "WebSocket /a" [accepted]`, "log", second, fields{"level": "'INFO"}},
		{"Geth", "WARN [11-22|09:31:34.123] Sold out   status=500", "log", milli, fields{"level": "'WARN", "status": "500"}},
		{"Geth, the time first", "[11-22|09:31:34.123] WARN status=500", "log", milli, fields{"level": "'WARN", "status": "500"}},
		{"Geth, no such day", "WARN [11-32|09:31:34.123] status=500", "log", "", fields{"level": "'WARN", "status": "500"}},
		{"ufw", "Nov 22 09:31:34 fw kernel: [12345.678901] [UFW BLOCK] IN=eth0 OUT= SRC=198.51.100.7 PROTO=TCP DPT=22 SYN", "syslog", at, fields{
			"source": "'kernel", "SRC": "'198.51.100.7", "DPT": "22"}},
		{"a minus for a zone", "2025-11-22T01:31:34.123\u221208:00 INFO status=200", "log", milli, fields{"level": "'INFO", "status": "200"}},
		{"a minus and no zone", "2025-11-22T01:31:34.123\u22128 INFO status=200", "", "", fields{"unparsed": "true"}},
		{"CEF after RFC 3164", "Nov 22 09:31:34 fw CEF:0|Co|shop|1.0|100|worm|10|status=500", "syslog", second, fields{"source": "'shop", "code": "100", "status": "500"}},
		{"CEF after RFC 3164, with a blank", "<134>Nov 22 09:31:34 fw CEF: 0|Co|shop|1.0|100|worm|10|status=500", "syslog", second, fields{"level": "'info", "source": "'shop", "code": "100", "status": "500"}},
		{"CEF after RFC 3339", "2025-11-22T09:31:34Z fw CEF:0|Co|shop|1.0|100|worm|10|status=500", "syslog", second, fields{"source": "'shop", "code": "100", "status": "500"}},
		{"a program called CEF", "Nov 22 09:31:34 fw CEF: status=500", "syslog", second, fields{"source": "'CEF", "status": "500"}},
		{"HAProxy of another year", `Dec 31 23:59:59 lb haproxy[1]: 198.51.100.7:1 [31/Dec/2023:23:59:59.655] http-in static/srv1 10/0/30/69/109 503 2750 - - ---- 1/1/1/1/0 0/0 "GET /a HTTP/1.1"`, "syslog", "2023-12-31T23:59:59Z", fields{
			"source": "'haproxy", "ps": "1", "http_status": "503", "http_path": "'/a", "http_request_time": "0.109"}},
		{"HAProxy, a second before its syslog's year", `Jan  1 00:00:00 lb haproxy[1]: 198.51.100.7:1 [31/Dec/2023:23:59:59.655] http-in static/srv1 10/0/30/69/109 503 2750 - - ---- 1/1/1/1/0 0/0 "GET /a HTTP/1.1"`, "syslog", "2024-01-01T00:00:00Z", fields{
			"source": "'haproxy", "ps": "1", "http_status": "503", "http_path": "'/a", "http_request_time": "0.109"}},
		{"nginx over syslog, of another year", `<190>Nov 22 09:31:34 lb nginx: 198.51.100.7 - - [22/Nov/2023:10:31:34 +0100] "GET /a HTTP/1.1" 200 612 "-" "curl/8"`, "syslog", "2023-11-22T09:31:34Z", fields{
			"level": "'info", "source": "'nginx", "http_status": "200", "http_path": "'/a"}},
		{"a date in syslog's message", "<14>Nov 22 09:31:34 h shop[1]: 2024-11-22 09:31:34,123 INFO sold", "syslog", "2024-11-22T09:31:34Z", fields{"level": "'info", "source": "'shop", "ps": "1"}},
		{"a date of another day in syslog's message", "<14>Nov 22 09:31:34 h shop[1]: 2024-06-01 09:31:34 was the last", "syslog", second, fields{"level": "'info", "source": "'shop", "ps": "1"}},
		{"attributes with commas", "time=2025-11-22T09:31:34Z, took=5, status=500, list=1,2, alone=,", "logfmt", second, fields{"took": "5", "status": "500", "list": "'1,2", "alone": "',"}},
		{"Postfix", "Nov 22 09:31:34 mx postfix/smtp[12]: B4F9: to=<a@example.com>, relay=mx.example.com[198.51.100.7]:25, delay=1.5, dsn=2.0.0, status=sent (250 OK)", "syslog", second, fields{
			"source": "'postfix/smtp", "ps": "12", "to": "'<a@example.com>", "delay": "1.5", "dsn": "'2.0.0", "status": "'sent"}},
		{"MySQL 5.5", "251122  9:31:34 [Warning] status=500", "mysql", second, fields{"level": "'Warning", "status": "500"}},
		{"MySQL 5.5, no level", "251122 09:31:34 mysqld_safe Starting", "", "", fields{"unparsed": "true"}},
		{"MySQL 5.5, no such day", "251132 09:31:34 [Note] status=500", "", "", fields{"unparsed": "true"}},
		{"Redis 2", "[12] 22 Nov 09:31:34.123 * status=500", "redis", milli, fields{"level": "'notice", "ps": "12", "status": "500"}},
		{"Redis 3", "12:M 22 Nov 09:31:34.123 # status=500", "redis", milli, fields{"level": "'warning", "ps": "12", "status": "500"}},
		{"PostgreSQL, a prefix of names", "2025-11-22 09:31:34.123 UTC [12]: [3-1] user=bob,db=shop LOG:  status=500", "postgres", milli, fields{"level": "'LOG", "ps": "12", "status": "500"}},
		{"PostgreSQL, an application of two words", "2025-11-22 09:31:34.123 UTC [12]: user=bob,db=shop,app=My tool,client=198.51.100.7 DEBUG1:  status=500", "postgres", milli, fields{"level": "'DEBUG1", "ps": "12", "status": "500"}},
		{"a zone of two digits", "2025-11-22 10:31:34.123+01 INFO status=500", "log", milli, fields{"level": "'INFO", "status": "500"}},
		{"a zone of two digits after a blank", "2025-11-22 08:31:34 -01 INFO status=500", "log", second, fields{"level": "'INFO", "status": "500"}},
		{"a leap second", "2016-12-31T23:59:60.5Z INFO status=500", "log", "2017-01-01T00:00:00.5Z", fields{"level": "'INFO", "status": "500"}},
		{"a leap second elsewhere", "2017-01-01T05:29:60+05:30 INFO status=500", "log", "2017-01-01T00:00:00Z", fields{"level": "'INFO", "status": "500"}},
		{"no leap second", "2016-12-31T23:58:60Z INFO status=500", "", "", fields{"unparsed": "true"}},
		{"Cisco IOS", "<189>45: *Nov 22 2025 09:31:34.123: %SYS-5-CONFIG_I: Configured", "cisco", milli, fields{"level": "'notice", "source": "'SYS", "code": "'CONFIG_I"}},
		{"Cisco IOS without a year", "*Nov 22 09:31:34.123: %SYS-5-CONFIG_I: Configured", "cisco", milli, fields{"level": "'notice", "source": "'SYS", "code": "'CONFIG_I"}},
		{"Cisco IOS with a zone and no year", "<187>rtr1: Nov 22 10:31:34.123 CET: %LINK-3-UPDOWN: Down", "cisco", milli, fields{"level": "'err", "source": "'LINK", "code": "'UPDOWN"}},
		{"Cisco, passed on", "<189>Nov 22 09:31:34 rtr1 45: *Nov 22 09:31:30.123: %SYS-5-CONFIG_I: Configured", "syslog", second, fields{"level": "'notice", "source": "'SYS", "code": "'CONFIG_I"}},
		{"Cisco ASA without a year", "<166>Nov 22 09:31:34 fw1 %ASA-6-302013: Built", "syslog", second, fields{"level": "'info", "source": "'ASA", "code": "302013"}},
		{"Cisco, no tag", "*Nov 22 2025 09:31:34.123: Configured", "", "", fields{"unparsed": "true"}},
		{"the month or the day first", "03/04/2025 09:31:34 INFO status=500", "log", "", fields{"level": "'INFO", "status": "500"}},
		{"the month or the day first, half a day", "3/4/2025 9:31:34 PM INFO status=500", "log", "", fields{"level": "'INFO", "status": "500"}},
		{"the month or the day first, a comma", "03-04-2025, 09:31:34.123 {\"status\":500}", "log", "", fields{"status": "500"}},
		{"the day first, with points", "22.11.2025 09:31:34,123 INFO status=500", "log", milli, fields{"level": "'INFO", "status": "500"}},
		{"points, no such month", "22.13.2025 09:31:34 INFO status=500", "", "", fields{"unparsed": "true"}},
		{"syslog with fractions", "Nov 22 09:31:34.123 h shop[1]: status=500", "syslog", milli, fields{"source": "'shop", "ps": "1", "status": "500"}},
		{"log4j in syslog", "Nov 22 09:31:34 h shop[1]: 2025-11-22 09:31:34,123 ERROR [main] com.example.Cart - status=500", "syslog", second, fields{
			"level": "'ERROR", "source": "'shop", "ps": "1", "status": "500"}},
		{"log4j in syslog of another year", "Nov 22 09:31:34 h shop[1]: 2023-11-22 09:31:34,123 ERROR [main] com.example.Cart - at=2020-01-01T00:00:00Z status=500", "syslog", "2023-11-22T09:31:34Z", fields{
			"level": "'ERROR", "source": "'shop", "ps": "1", "status": "500"}},
		{"lists of proxies in JSON", `{"time":"2025-11-22T09:31:34Z","urt":"0.003, 0.100 : 0.005","xff":"198.51.100.7, 10.0.0.1","took":"0.003, 0.100","status":200}`, "json", second, fields{
			"urt": "0.108", "xff": "'198.51.100.7", "took": "'0.003, 0.100", "status": "200"}},
		{"lists of proxies that are none", `{"time":"2025-11-22T09:31:34Z","urt":"-, 12:30","xff":"unknown, 10.0.0.1","status":200}`, "json", second, fields{
			"urt": "'-, 12:30", "xff": "'unknown, 10.0.0.1", "status": "200"}},
		{"ClickHouse's date", "2025.11.22 09:31:34.123000 INFO status=500", "log", milli, fields{"level": "'INFO", "status": "500"}},
		{"points, and no time", "2025.11.22 status=500", "", "", fields{"unparsed": "true"}},
		{"syslog with a year", "<14>Nov 22 2025 09:31:34 h shop[1]: status=500", "syslog", second, fields{"level": "'info", "source": "'shop", "ps": "1", "status": "500"}},
		{"syslog with a year and no priority", "Nov  2 2024 09:31:34 h shop[1]: status=500", "syslog", "2024-11-02T09:31:34Z", fields{"source": "'shop", "ps": "1", "status": "500"}},
		{"Unix time first", "1763803894.123 [error] status=500", "log", milli, fields{"level": "'error", "status": "500"}},
		{"Unix time in brackets", "[1763803894] ERROR status=500", "log", second, fields{"level": "'ERROR", "status": "500"}},
		{"Unix time before logfmt", "1763803894 status=500 x=1", "log", second, fields{"status": "500"}},
		{"a number first, and nothing known", "1763803894 items were sold", "", "", fields{"unparsed": "true"}},
		{"AWS Lambda, Node.js", "2025-11-22T09:31:34.123Z\ta1b2-c3\tERROR\tsold out {\"status\":500}", "log", milli, fields{"level": "'ERROR", "ps": "'a1b2-c3", "status": "500"}},
		{"nginx with its time_iso8601", `198.51.100.7 - - [2025-11-22T10:31:34+01:00] "GET /a HTTP/1.1" 200 612 "-" "curl/8"`, "access", second, fields{"http_status": "200", "http_path": "'/a"}},
		{"API Gateway", `{"requestTime":"22/Nov/2025:09:31:34 +0000","httpMethod":"GET","status":"500"}`, "json", second, fields{"status": "500"}},
		{"zerolog", `{"level":"info","status":200,"time":"2025-11-22T09:31:34Z","message":"sold"}`, "json", second, fields{"level": "'info", "status": "200", "message": "'sold"}},
		{"zerolog, Unix time", `{"level":"info","status":200,"time":1763803894,"message":"sold"}`, "json", second, fields{"level": "'info", "status": "200", "message": "'sold"}},
		{"zerolog, console", "\x1b[90m9:31AM\x1b[0m \x1b[32mINF\x1b[0m sold \x1b[36mstatus=\x1b[0m200", "log", "", fields{"level": "'INF", "status": "200"}},
		{"zerolog, console without colors", "12:31PM WRN sold status=200", "log", "", fields{"level": "'WRN", "status": "200"}},
		{"zap, Unix time on a console", "1.763803894123e+09\tINFO\tsold\t{\"status\": 200}", "log", milli, fields{"level": "'INFO", "status": "200"}},
		{"log4j 2, the level first", "[INFO ] 2025-11-22 09:31:34.123 [main] Cart - status=200", "log", milli, fields{"level": "'INFO", "ps": "'main", "source": "'Cart", "status": "200"}},
		{"Monolog", `[2025-11-22T09:31:34.123000+00:00] shop.ERROR: sold out {"status":500} []`, "log", milli, fields{"level": "'ERROR", "source": "'shop", "status": "500"}},
		{"Monolog, nothing", `[2025-11-22T09:31:34.123000+00:00] shop.INFO: sold out [] []`, "log", milli, fields{"level": "'INFO", "source": "'shop"}},
		{"zerolog, console with a time", "\x1b[90m2025-11-22T09:31:34Z\x1b[0m \x1b[32mINF\x1b[0m \x1b[1mmain.go:5\x1b[0m\x1b[36m >\x1b[0m sold \x1b[36mstatus=\x1b[0m200", "log", second, fields{"level": "'INF", "caller": "'main.go:5", "status": "200"}},
		{"logrus", `time="2025-11-22T09:31:34Z" level=info msg="sold" status=200`, "logfmt", second, fields{"level": "'info", "status": "200"}},
		{"logrus, terminal", "\x1b[36mINFO\x1b[0m[0012] sold                                          \x1b[36mstatus\x1b[0m=200", "log", "", fields{"level": "'INFO", "status": "200"}},
		{"logrus, an error on a terminal", "\x1b[31mERRO\x1b[0m[2809574] Handler for GET /images/json returned error: no such image", "log", "", fields{"level": "'ERRO"}},
		{"pino, with Docker's time", `2025-11-22T09:31:34.123000000Z {"level":30,"time":1763803890000,"pid":1,"hostname":"web-1","responseTime":1.4515290260314941,"msg":"request completed"}`, "log", milli, fields{
			"level": "30", "responseTime": "1.451529026"}},
		{"logrus, JSON", `{"level":"info","msg":"sold","status":200,"time":"2025-11-22T09:31:34Z"}`, "json", second, fields{"level": "'info", "status": "200"}},
		{"Serilog, console", "[09:31:34 ERR] Sold out", "log", "", fields{"level": "'ERR"}},
		{"Serilog, file", "2025-11-22 10:31:34.123 +01:00 [ERR] Sold out", "log", milli, fields{"level": "'ERR"}},
		{"Serilog, compact JSON", `{"@t":"2025-11-22T09:31:34.1230000Z","@mt":"Sold {status}","status":200,"@l":"Warning"}`, "json", milli, fields{"status": "200"}},
		{"Serilog, JSON", `{"Timestamp":"2025-11-22T10:31:34.1230000+01:00","Level":"Error","MessageTemplate":"x","Properties":{"status":200}}`, "json", milli, fields{"Properties.status": "200"}},
		{"pino", `{"level":30,"time":1763803894123,"pid":12,"hostname":"web-1","msg":"sold","responseTime":5}`, "json", milli, fields{"level": "30", "responseTime": "5"}},
		{"winston", `{"level":"info","message":"sold"}`, "json", "", fields{"level": "'info", "message": "'sold"}},
		{"winston, timestamp", `{"level":"\u001b[32minfo\u001b[39m","message":"sold","status":200,"timestamp":"2025-11-22T09:31:34.123Z"}`, "json", milli, fields{"level": "'info", "status": "200", "message": "'sold"}},
		{"winston, simple", `error: sold out {"status":500}`, "log", "", fields{"level": "'error", "status": "500"}},
		{"bunyan", `{"name":"shop","hostname":"web-1","pid":12,"level":50,"msg":"sold out","time":"2025-11-22T09:31:34.123Z","v":0}`, "json", milli, fields{"level": "50"}},
		{"nginx", `198.51.100.7 - - [22/Nov/2025:09:31:34 +0000] "GET /a?b HTTP/1.1" 200 612 "-" "curl/8"`, "access", second, fields{"http_status": "200", "http_path": "'/a"}},
		{"nginx, main", `198.51.100.7 - - [22/Nov/2025:09:31:34 +0000] "GET /a?b HTTP/1.1" 200 612 "-" "curl/8" "-"`, "access", second, fields{"http_status": "200", "http_path": "'/a"}},
		{"nginx, JSON", `{"time_local":"22/Nov/2025:10:31:34 +0100","status":"500","request_time":"0.105"}`, "json", second, fields{"status": "500", "request_time": "0.105"}},
		{"nginx, JSON, ISO", `{"time_iso8601":"2025-11-22T09:31:34+00:00","status":"500"}`, "json", second, fields{"status": "500"}},
		{"nginx, JSON, msec", `{"msec":"1763803894.123","status":"500"}`, "json", milli, fields{"status": "500"}},
		{"nginx, error", "2025/11/22 09:31:34 [error] 12#12: *1 open() \"/srv/a\" failed (2: No such file or directory), client: 198.51.100.7, server: localhost, request: \"GET /a HTTP/1.1\", host: \"example.com\"", "nginx-error", second, fields{
			"level": "'error", "ps": "12", "http_path": "'/a"}},
		{"Apache", `198.51.100.7 - - [22/Nov/2025:09:31:34 +0000] "GET /a HTTP/1.1" 200 612`, "access", second, fields{"http_status": "200", "http_path": "'/a"}},
		{"Apache, error", "[Sat Nov 22 09:31:34.123 2025] [core:error] [pid 12:tid 13] [client 198.51.100.7:5] AH00037: x", "apache-error", milli, fields{"level": "'error", "source": "'core", "ps": "12", "code": "'AH00037"}},
		{"Traefik, access", `198.51.100.7 - - [22/Nov/2025:09:31:34 +0000] "GET /a HTTP/1.1" 200 2053 "-" "curl/8" 162 "shop@docker" "http://10.0.0.3:80" 22ms`, "access", second, fields{
			"http_status": "200", "http_path": "'/a", "http_request_time": "0.022"}},
		{"Traefik 2", `time="2025-11-22T09:31:34Z" level=info msg="Configuration loaded from flags."`, "logfmt", second, fields{"level": "'info"}},
		{"Traefik 3", "2025-11-22T09:31:34Z INF Starting provider *traefik.Provider", "log", second, fields{"level": "'INF"}},
		{"HAProxy", `<134>Nov 22 09:31:34 haproxy[12]: 198.51.100.7:33317 [22/Nov/2025:09:31:34.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "GET /a HTTP/1.1"`, "syslog", at, fields{
			"level": "'info", "source": "'haproxy", "ps": "12", "http_status": "200", "http_path": "'/a", "http_request_time": "0.109"}},
		{"IIS", "2025-11-22 09:31:34 10.180.0.159 GET /a x=1&status=500 80 - 198.51.100.7 Mozilla/5.0+(X) - 200 0 0 1872", "w3c", second, fields{"http_status": "200", "http_path": "'/a", "http_request_time": "1.872"}},
		{"PostgreSQL", "2025-11-22 09:31:34.123 UTC [12] ERROR:  relation \"a\" does not exist", "postgres", milli, fields{"level": "'ERROR", "ps": "12"}},
		{"MySQL 8", "2025-11-22T09:31:34.123000Z 0 [Warning] [MY-010068] [Server] CA certificate ca.pem is self signed.", "mysql", milli, fields{"level": "'Warning", "ps": "0", "code": "'MY-010068", "source": "'Server"}},
		{"MySQL 5.7", "2025-11-22T09:31:34.123000Z 0 [Note] mysqld: ready for connections.", "mysql", milli, fields{"level": "'Note", "ps": "0"}},
		{"Redis", "12:M 22 Nov 2025 09:31:34.123 # Server initialized", "redis", milli, fields{"level": "'warning", "ps": "12"}},
		{"Kafka", "[2025-11-22 09:31:34,123] ERROR [ReplicaManager broker=1] x (kafka.server.ReplicaManager)", "log", milli, fields{"level": "'ERROR", "source": "'kafka.server.ReplicaManager"}},
		{"glog", "E1122 09:31:34.123000   12 main.cc:5] status=500", "klog", milli, fields{"level": "'error", "ps": "12", "caller": "'main.cc:5", "status": "500"}},
		{"glog 0.6", "E20251122 09:31:34.123000 12 main.cc:5] status=500", "klog", milli, fields{"level": "'error", "ps": "12", "caller": "'main.cc:5", "status": "500"}},
		{"klog", `I1122 09:31:34.123000       1 main.go:5] "Sold" status=200`, "klog", milli, fields{"level": "'info", "ps": "1", "caller": "'main.go:5", "status": "200"}},
		{"journald", `{"__REALTIME_TIMESTAMP":"1763803894123000","PRIORITY":"6","MESSAGE":"sold","_PID":"12"}`, "json", milli, fields{}},
		{"MongoDB 3", "2025-11-22T09:31:34.123+0000 W  NETWORK  [conn12] slow query", "mongodb", milli, fields{"level": "'warning", "source": "'NETWORK", "ps": "'conn12"}},
		{"PHP", "[22-Nov-2025 09:31:34 UTC] PHP Parse error:  syntax error in /srv/a.php on line 3", "php", second, fields{"level": "'error"}},
		{"PHP, a zone", "[22-Nov-2025 10:31:34 Europe/Berlin] PHP Notice:  x", "php", second, fields{"level": "'notice"}},
		{"PHP, no such zone", "[22-Nov-2025 10:31:34 Europe/Nowhere] PHP Notice:  x", "php", "", fields{"level": "'notice"}},
		{"auditd", "type=LOGIN msg=audit(1763803894.123:242): pid=12 status=1", "auditd", milli, fields{"status": "1"}},
		{"MongoDB", `{"t":{"$date":"2025-11-22T09:31:34.123+00:00"},"s":"I","c":"NETWORK","id":22943,"ctx":"listener","msg":"Connection accepted"}`, "json", milli, fields{}},
		{"Caddy", `{"level":"info","ts":1763803894.123,"logger":"http.log.access","msg":"handled request","duration":0.005,"status":200}`, "json", milli, fields{"level": "'info", "status": "200"}},
		{"RabbitMQ", "2025-11-22 09:31:34.123000+00:00 [info] <0.222.0> Server startup complete", "log", milli, fields{"level": "'info", "ps": "'<0.222.0>"}},
		{"etcd", `{"level":"info","ts":"2025-11-22T09:31:34.123Z","caller":"etcdmain/etcd.go:73","msg":"Running"}`, "json", milli, fields{"level": "'info", "caller": "'etcdmain/etcd.go:73"}},
		{"Prometheus", `ts=2025-11-22T09:31:34.123Z caller=main.go:5 level=info msg="Server is ready"`, "logfmt", milli, fields{"level": "'info", "caller": "'main.go:5"}},
		{"Vault", "2025-11-22T09:31:34.123Z [INFO]  core: post-unseal setup complete", "log", milli, fields{"level": "'INFO", "source": "'core"}},
		{"Elixir", "09:31:34.123 [info] Running ShopWeb.Endpoint", "log", "", fields{"level": "'info"}},
		{"Laravel", `[2025-11-22 09:31:34] production.ERROR: sold out {"status":500}`, "log", second, fields{"level": "'ERROR", "source": "'production", "status": "500"}},
		{"Odoo", "2025-11-22 09:31:34,123 12 INFO shop odoo.modules.loading: 1 modules loaded", "log", milli, fields{"level": "'INFO", "ps": "12"}},
		{"ZooKeeper", "2025-11-22 09:31:34,123 [myid:1] - INFO  [main:QuorumPeerConfig@136] - Reading configuration", "log", milli, fields{"level": "'INFO", "ps": "'myid:1"}},
		{"Hadoop", "2025-11-22 09:31:34,123 INFO org.apache.hadoop.hdfs.NameNode: started", "log", milli, fields{"level": "'INFO", "source": "'org.apache.hadoop.hdfs.NameNode"}},
		{"Cassandra", "INFO  [main] 2025-11-22 09:31:34,123 YamlConfigurationLoader.java:89 - Configuration location", "log", milli, fields{"level": "'INFO", "ps": "'main", "caller": "'YamlConfigurationLoader.java:89"}},
		{"Django", `[22/Nov/2025 09:31:34] "GET /a HTTP/1.1" 200 12`, "django", second, fields{"http_status": "200", "http_path": "'/a"}},
		{"Gin", `[GIN] 2025/11/22 - 09:31:34 | 200 | 1.5s | 1.2.3.4 | GET "/a"`, "gin", second, fields{"http_status": "200", "http_path": "'/a", "http_request_time": "1.5"}},
		{"java.util.logging", "Nov 22, 2025 9:31:34 AM com.example.Shop main", "jul", second, fields{"source": "'com.example.Shop", "caller": "'main"}},
	}
	names := map[string]bool{}
	for _, name := range []string{"unparsed", "level", "source", "ps", "caller", "code", "status", "http_status", "http_path", "http_request_time", "message"} {
		names[name] = true
	}
	for _, test := range tests {
		for name := range test.want {
			names[name] = true
		}
	}
	s := newSchema(t, slices.Sorted(maps.Keys(names))...)
	sc, ev := s.NewScanner(), new(Event)
	for _, test := range tests {
		sc.NearRecorded(unix(t, at) + 60)
		sc.Parse(ev, buffer(test.line), 0, len(test.line))
		if got := describe(s, ev); !maps.Equal(got, test.want) {
			t.Errorf("%s: %s\n got %v\nwant %v", test.by, test.line, got, test.want)
		}
		format, _, _ := strings.Cut(shapeOf(s, ev), ",")
		second, nanos, ok := ev.Time()
		if got := formatTime(second*1e9+int64(nanos), ok); got != test.time || format != cmp.Or(test.format, "unparsed") {
			t.Errorf("%s: %s is %q at %q, want %q at %q", test.by, test.line, format, got, test.format, test.time)
		}
	}
}
