package traffic

import (
	"bytes"
	"slices"
)

// router is a line of Heroku's router as `heroku logs` prints it.
func router(g *generator, b []byte, micros int) []byte {
	b = g.clock.appendTime(b, micros)
	b = append(b, " heroku[router]: "...)
	return g.appendRouter(b)
}

// appendRouter appends the message of a line of Heroku's router.
func (g *generator) appendRouter(b []byte) []byte {
	r := g.request()
	if r.code < 0 {
		b = append(b, "at=info method="...)
	} else {
		b = append(b, "at=error code="...)
		b = append(b, codes[r.code].code...)
		b = append(b, ` desc="`...)
		b = append(b, codes[r.code].text...)
		b = append(b, `" method=`...)
	}
	b = append(b, r.path.method...)
	b = append(b, ` path="`...)
	b = r.appendPath(b)
	b = append(b, `" host=`...)
	b = append(b, domains[r.domain]...)
	b = append(b, " request_id="...)
	b = appendHex(b, g.Uint64())
	b = append(b, ` fwd="`...)
	b = appendIP(b, r.client)
	b = append(b, `" dyno=`...)
	if r.code < 0 || r.code == codeTimeout {
		b = append(b, "web."...)
		b = appendInt(b, r.dyno)
		b = append(b, " connect="...)
		b = appendInt(b, r.connect)
		b = append(b, "ms service="...)
		b = appendInt(b, r.millis)
		b = append(b, "ms status="...)
	} else { // no process took it
		b = append(b, " connect= service= status="...)
	}
	b = appendInt(b, r.status)
	b = append(b, " bytes="...)
	return appendInt(b, r.bytes)
}

// combined is an access line of nginx or Apache on its own.
func combined(g *generator, b []byte, _ int) []byte {
	r := g.request()
	b = g.appendAccess(b, &r, g.clock.clf, " +0000")
	return b[:len(b)-1]
}

// access is an access line of a server with several virtual hosts that logs how
// long requests take: nginx, nginx with names for the times, or Apache with the
// host in front and its time before the request.
func access(g *generator, b []byte, _ int) []byte {
	r := g.request()
	kind := g.IntN(3)
	if kind == 2 {
		b = append(b, domains[r.domain]...)
		b = append(b, ":443 "...)
	}
	b = g.appendAccess(b, &r, g.clock.clf, " +0000")
	switch kind {
	case 0:
		b = append(b, domains[r.domain]...)
		b = append(b, ` "-" `...)
		b = appendMillis(b, r.millis)
		if r.code < 0 {
			return appendMillis(append(b, ' '), r.millis/2)
		}
		return append(b, " -"...)
	case 1:
		b = append(b, "rt="...)
		b = appendMillis(b, r.millis)
		b = append(b, ` host="`...)
		b = append(b, domains[r.domain]...)
		return append(b, '"')
	}
	micros := append(appendInt(nil, 1000*(r.millis+1)+r.connect), ' ')
	return slices.Insert(b[:len(b)-1], bytes.LastIndex(b, []byte(`] "`))+2, micros...)
}

// appendMillis appends milliseconds as seconds.
func appendMillis(b []byte, millis int) []byte {
	b = appendInt(b, millis/1000)
	return append(b, '.', byte('0'+millis/100%10), byte('0'+millis/10%10), byte('0'+millis%10))
}

// appendAccess appends an access line up to the space after the agent.
func (g *generator) appendAccess(b []byte, r *request, clf []byte, zone string) []byte {
	b = appendIP(b, r.client)
	b = append(b, " - "...)
	if r.client%50 == 7 {
		b = append(b, "user"...)
		b = appendInt(b, r.client)
	} else {
		b = append(b, '-')
	}
	b = append(b, " ["...)
	b = append(b, clf...)
	b = append(b, zone...)
	b = append(b, `] "`...)
	b = append(b, r.path.method...)
	b = append(b, ' ')
	b = r.appendPath(b)
	b = append(b, ` HTTP/1.1" `...)
	b = appendInt(b, r.status)
	b = append(b, ' ')
	if r.bytes == 0 {
		b = append(b, '-')
	} else {
		b = appendInt(b, r.bytes)
	}
	if r.client%3 == 0 {
		b = append(b, ` "-" "`...)
	} else {
		b = append(b, ` "http://`...)
		b = append(b, domains[r.domain]...)
		b = append(b, `/" "`...)
	}
	b = append(b, agents[g.world.agents.draw(g.Rand)]...)
	return append(b, `" `...)
}

// drain is a line as a Heroku drain has it: RFC 5424 without structured data.
func drain(g *generator, b []byte, micros int) []byte {
	isRouter := g.IntN(3) > 0
	if isRouter {
		b = append(b, "<158>1 "...)
	} else {
		b = append(b, "<190>1 "...)
	}
	b = g.clock.appendTime(b, micros)
	if isRouter {
		b = append(b, " host heroku router - "...)
		return g.appendRouter(b)
	}
	b = append(b, " host app web."...)
	b = appendInt(b, 1+g.IntN(8))
	b = append(b, " - "...)
	return g.appendApp(b)
}

// appendApp appends the message of a line of an application, in logfmt.
func (g *generator) appendApp(b []byte) []byte {
	trouble := 0.004
	if g.scene.incident == slow || g.scene.incident == broken {
		trouble += 0.08 * g.scene.strength
	}
	if g.Float64() < trouble {
		b = append(b, `level=error msg="payment gateway did not answer" attempt=`...)
		b = appendInt(b, 1+g.IntN(3))
		b = append(b, " waited="...)
		b = appendTenths(b, 10_000+g.IntN(40_000))
		return append(b, "ms"...)
	}
	kind := g.IntN(20)
	if kind < 8 && g.scene.incident == slow && g.Float64() < 0.8*g.scene.strength {
		kind = 8 // nobody waits that long
	}
	switch {
	case kind < 8:
		b = append(b, "level=info event=order.paid order="...)
		b = appendInt(b, g.IntN(1_000_000))
		b = append(b, " amount="...)
		b = appendInt(b, 3+g.IntN(150))
		b = append(b, [...]string{".00", ".50", ".95", ".99"}[g.IntN(4)]...)
		b = append(b, " items="...)
		b = appendInt(b, 1+g.IntN(6))
		if g.IntN(4) == 0 {
			b = append(b, " voucher"...)
		}
		return b
	case kind < 15:
		b = append(b, "level=info job="...)
		b = append(b, [...]string{"MailJob", "InvoiceJob", "IndexJob", "ThumbnailJob"}[g.IntN(4)]...)
		b = append(b, " queue=default state=done wait="...)
		b = appendTenths(b, int(80*g.ExpFloat64()*(1+4*g.scene.strength)))
		b = append(b, "ms duration="...)
		b = appendTenths(b, 50+int(900*g.ExpFloat64()))
		return append(b, "ms"...)
	case kind < 18:
		b = append(b, "source=web."...)
		b = appendInt(b, 1+g.IntN(8))
		b = append(b, " sample#memory_total="...)
		b = appendTenths(b, 2800+g.IntN(1400))
		b = append(b, "MB sample#load_avg_1m="...)
		return appendTenths(b, 1+g.IntN(30)+int(40*g.scene.strength))
	case kind == 18:
		b = append(b, `level=warning msg="cache miss" key="cart:`...)
		b = appendInt(b, g.IntN(5000))
		return append(b, '"')
	}
	b = append(b, `{"level":"info","event":"login","user":{"id":`...)
	b = appendInt(b, 1+g.IntN(20_000))
	b = append(b, `,"plan":"`...)
	b = append(b, [...]string{"free", "team", "pro"}[g.IntN(3)]...)
	b = append(b, `"},"two_factor":`...)
	if g.IntN(3) == 0 {
		b = append(b, "true"...)
	} else {
		b = append(b, "false"...)
	}
	return append(b, '}')
}

// jsonLine is a line of an application that logs its requests as JSON.
func jsonLine(g *generator, b []byte, micros int) []byte {
	r := g.request()
	b = append(b, `{"time":"`...)
	b = appendMicros(append(b, g.clock.rfc3339...), micros)
	b = append(b, `Z","level":"`...)
	if r.status >= 500 {
		b = append(b, "error"...)
	} else {
		b = append(b, "info"...)
	}
	b = append(b, `","msg":"request","http":{"method":"`...)
	b = append(b, r.path.method...)
	b = append(b, `","path":"`...)
	b = r.appendPath(b)
	b = append(b, `","host":"`...)
	b = append(b, domains[r.domain]...)
	b = append(b, `"},"status":`...)
	b = appendInt(b, r.status)
	b = append(b, `,"duration":`...)
	b = appendTenths(b, r.millis*10+g.IntN(10))
	b = append(b, `,"bytes":`...)
	b = appendInt(b, r.bytes)
	b = append(b, `,"client":"`...)
	b = appendIP(b, r.client)
	b = append(b, `","cached":`...)
	if r.status == 304 {
		return append(b, "true}"...)
	}
	return append(b, "false}"...)
}

// mixed is what a page of several programs shows: Heroku's router, nginx in
// front of other domains, and applications.
func mixed(g *generator, b []byte, micros int) []byte {
	switch kind := g.IntN(20); {
	case kind < 10:
		return router(g, b, micros)
	case kind < 16:
		return nginx(g, b, micros)
	}
	b = g.clock.appendTime(b, micros)
	b = append(b, " app[web."...)
	b = appendInt(b, 1+g.IntN(8))
	b = append(b, "]: "...)
	return g.appendApp(b)
}
