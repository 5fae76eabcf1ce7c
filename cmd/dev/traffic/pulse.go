package traffic

// appendHeader appends the header of a Pulse line of the slot's program.
func (g *generator) appendHeader(b []byte, micros int, level, source, slot string) []byte {
	instance := 1 + g.world.instances.draw(g.Rand)
	b = g.clock.appendWest(b, micros)
	b = append(b, " 10.1.2."...)
	b = appendInt(b, instance)
	b = append(b, " local7."...)
	b = append(b, level...)
	b = append(b, ' ')
	b = append(b, source...)
	b = append(b, '[')
	b = appendInt(b, 100+instance)
	b = append(b, "] - "...)
	b = append(b, slot...)
	b = append(b, '.')
	b = appendInt(b, instance)
	if g.IntN(4) == 0 {
		return append(b, "@eu.example.com - "...)
	}
	return append(b, "@example.com - "...)
}

// nginx is an access line of nginx as a Pulse line.
func nginx(g *generator, b []byte, micros int) []byte {
	r := g.request()
	switch chance := g.IntN(400); {
	case chance < 4:
		g.fail(&r)
	case chance < 8:
		r.client = localClient // a health check
	}
	b = g.appendHeader(b, micros, "info", "nginx", "routing")
	b = g.appendAccess(b, &r, g.clock.westCLF, " -0800")
	return append(b, domains[r.domain]...)
}

// fail makes a request one that a server answered with an error.
func (g *generator) fail(r *request) {
	r.status, r.bytes = [...]int{500, 502, 503, 504}[g.IntN(4)], 170+g.IntN(400)
}

// pulse is a Pulse line of any of the programs that the original met.
func pulse(g *generator, b []byte, micros int) []byte {
	switch kind := g.IntN(100); {
	case kind < 45:
		return nginx(g, b, micros)
	case kind < 47:
		b = g.appendHeader(b, micros, "crit", "nginx", "routing")
		b = append(b, "2012/11/22 09:31:34 [error] 12#0: *"...)
		b = appendInt(b, g.IntN(1_000_000))
		return append(b, " upstream timed out (110: Connection timed out) while reading response header from upstream"...)
	case kind < 57:
		return g.appendVarnish(b, micros)
	case kind < 80:
		return g.appendHermes(b, micros)
	case kind < 86:
		return g.appendHermesClock(b, micros)
	case kind < 92:
		b = g.appendHeader(b, micros, "info", "runtime", "runtime")
		b = append(b, [...]string{
			"amqp_publish exchange=ps.state bytes=", "amqp_message action=publish bytes=",
			"amqp_message action=received bytes=", "amqp_message action=timeout bytes=",
		}[min(g.IntN(3)+g.IntN(40)/39, 3)]...)
		return appendInt(b, 100+g.IntN(4000))
	case kind < 96:
		b = g.appendHeader(b, micros, "info", "rendezvous", "rendezvous")
		b = append(b, "app=rendezvous fn=join at="...)
		return append(b, [...]string{"start", "rendezvous"}[g.IntN(2)]...)
	case kind < 99:
		b = g.appendHeader(b, micros, "info", "logplex", "logplex")
		b = append(b, "logplex_stats "...)
		if g.IntN(2) == 0 {
			b = append(b, "message_processed="...)
			return appendInt(b, 1000+g.IntN(9000))
		}
		b = append(b, "drain_id="...)
		b = appendInt(b, 1+g.IntN(30))
		b = append(b, " drain_delivered="...)
		return appendInt(b, g.IntN(900))
	}
	b = g.appendHeader(b, micros, "info", "pulse", "pulse")
	return append(b, "app=pulse deploy=production fn=receive at=finish"...)
}

func (g *generator) appendVarnish(b []byte, micros int) []byte {
	if g.IntN(40) == 0 {
		b = g.appendHeader(b, micros, "info", "varnish", "cache")
		b = append(b, "cache_purge domain="...)
		return append(b, domains[g.world.domains.draw(g.Rand)]...)
	}
	r := g.request()
	if g.IntN(60) == 0 {
		g.fail(&r)
	}
	b = g.appendHeader(b, micros, "info", "varnish", "cache")
	return append(g.appendAccess(b, &r, g.clock.westCLF, " -0800"), domains[r.domain]...)
}

// appendHermes appends a line of the router of the original's time.
func (g *generator) appendHermes(b []byte, micros int) []byte {
	r := g.request()
	if g.IntN(25) == 0 {
		r.code, r.millis = g.IntN(len(codes)), 0
	}
	level := "info"
	if r.code >= 0 {
		level = "err"
	}
	b = g.appendHeader(b, micros, level, "hermes", "hermes")
	b = append(b, "mod=hermes_proxy app_id="...)
	b = appendInt(b, 1000+r.domain*37+r.id%11)
	b = append(b, " code="...)
	if r.code < 0 {
		b = appendInt(b, r.status)
	} else {
		b = append(b, codes[r.code].code...)
		if g.IntN(3) == 0 {
			b = append(b, " error_type=econn"...)
		}
	}
	b = append(b, " domain="...)
	b = append(b, domains[r.domain]...)
	b = append(b, ` path="`...)
	b = r.appendPath(b)
	b = append(b, `" redis=`...)
	redis := int(8 * g.ExpFloat64() * (1 + 5*g.scene.strength))
	if g.IntN(150) == 0 {
		redis = 100 + g.IntN(300)
	}
	b = appendTenths(b, redis)
	b = append(b, " service="...)
	b = appendInt(b, r.millis)
	b = append(b, " bytes="...)
	return appendInt(b, r.bytes)
}

// appendHermesClock appends what hermes said of its copies of the state.
func (g *generator) appendHermesClock(b []byte, micros int) []byte {
	callback := [...]string{"services", "procs", "domains", "domain_groups"}[g.IntN(4)]
	b = g.appendHeader(b, micros, "info", "hermes", "hermes")
	switch g.IntN(4) {
	case 0:
		b = append(b, "mod=hermes_clock at=stats processes="...)
		b = appendInt(b, 2000+g.IntN(500))
		b = append(b, " ports="...)
		return appendInt(b, 300+g.IntN(90))
	case 1:
		b = append(b, "mod=hermes_clock callback="...)
		b = append(b, callback...)
		b = append(b, "_callback latency="...)
		if g.IntN(12) == 0 {
			b = append(b, "unknown"...)
		} else {
			b = appendTenths(b, int(200*g.ExpFloat64()))
		}
		b = append(b, " staleness="...)
		return appendTenths(b, int(900*g.ExpFloat64()))
	}
	b = append(b, "mod="...)
	b = append(b, callback...)
	b = append(b, "_callback at="...)
	return append(b, [...]string{"msg", "msg", "msg", "msg", "connect", "disconnect"}[g.IntN(6)]...)
}
