package line

var s3Format = &Format{
	Name: "s3",
	Doc: []FormatDoc{{
		"S3's server access log", "`79a59df900b949e5 shop [22/Nov/2025:09:31:34 +0000] 1.2.3.4 arn:aws:iam::12:user/bob 3E57427F REST.GET.OBJECT a.png \"GET /shop/a.png HTTP/1.1\" 200 - 113 434 7 6 \"-\" \"agent\" - …`",
		"`http_frontend` (the bucket), `http_host`, `http_user` (who asked), `http_request_id`, `name` (the operation), those of the request, `http_status`, `code` (of an error), `http_bytes`, `http_request_time` (the whole), `http_upstream_time` (until the first byte), `http_referrer`, `http_user_agent`, `http_domain`",
	}},
	Fields: []given{
		httpFrontend, httpHost, httpUser, httpRequestID, ofName, httpMethod, httpURL, httpPath, httpVersion, httpStatus, ofCode, httpBytes,
		httpRequestTime, httpUpstreamTime, httpReferrer, httpUserAgent, httpDomain,
	},
	Samples: []Sample{
		{
			`79a59df900b949e55d96 shop [22/Nov/2025:09:31:34 +0000] 1.2.3.4 arn:aws:iam::12:user/bob 3E57427F REST.GET.OBJECT a.png "GET /shop/a.png?x=1 HTTP/1.1" 200 - 113 434 7 6 "http://r/" "agent" - s9lz= SigV4 ECDHE-RSA AuthHeader shop.s3.amazonaws.com TLSv1.2 - -`,
			"2025-11-22T09:31:34Z", map[string]string{
				"http_frontend": "'shop", "http_host": "'1.2.3.4", "http_user": "'arn:aws:iam::12:user/bob", "http_request_id": "'3E57427F", "name": "'REST.GET.OBJECT", "http_method": "'GET",
				"http_url": "'/shop/a.png?x=1", "http_path": "'/shop/a.png", "http_version": "1.1", "http_status": "200", "http_bytes": "113", "http_request_time": "0.007", "http_upstream_time": "0.006",
				"http_referrer": "'http://r/", "http_user_agent": "'agent", "http_domain": "'shop.s3.amazonaws.com",
			},
		},
		{
			`79a59df900b949e55d96 shop [22/Nov/2025:09:31:34 +0000] 1.2.3.4 - 3E57427F REST.GET.OBJECT a.png "GET /a.png HTTP/1.1" 404 NoSuchKey 277 - 12 - "-" "-" -`,
			"2025-11-22T09:31:34Z", map[string]string{
				"http_frontend": "'shop", "http_host": "'1.2.3.4", "http_request_id": "'3E57427F", "name": "'REST.GET.OBJECT", "http_method": "'GET", "http_url": "'/a.png", "http_path": "'/a.png",
				"http_version": "1.1", "http_status": "404", "code": "'NoSuchKey", "http_bytes": "277", "http_request_time": "0.012",
			},
		},
	},
	first: oneOf("0123456789abcdef"),
	line:  (*Scanner).s3,
}

// s3 parses the access log of a bucket, which begins with its owner.
func (sc *Scanner) s3(ev *Event, b []byte, start, end int) bool {
	const shortest = 16 // of an owner; they have 64
	i := start
	for b[i]-'0' <= 9 || b[i]-'a' < 6 {
		i++
	}
	if i < start+shortest || b[i] != ' ' {
		return false
	}
	c := cursor{b: b, i: i + 1, end: end}
	bucket := c.word()
	at := c.between('[', ']')
	if c.failed || at.end-at.start != clfLength || sc.clock.common(b, at.start) < 0 {
		return false
	}
	client, user, id, operation, _ := c.word(), c.word(), c.word(), c.word(), c.word() // the key is in the request
	var request span
	if b[c.i] == '"' {
		request = c.quoted()
	} else {
		c.word()
	}
	status, failure, sent, _, took, turn := c.word(), c.word(), c.word(), c.word(), c.word(), c.word()
	if c.failed || !status.isNumber(b) && !status.isDash(b) {
		return false
	}
	sc.date(ev)
	sc.give(ev, httpFrontend, bucket)
	sc.give(ev, httpHost, client)
	sc.give(ev, httpUser, user)
	sc.give(ev, httpRequestID, id)
	sc.give(ev, ofName, operation)
	sc.request(ev, b, request.start, request.end)
	sc.giveNumber(ev, httpStatus, status)
	sc.give(ev, ofCode, failure)
	sc.giveNumber(ev, httpBytes, sent)
	sc.giveScaled(ev, httpRequestTime, took, -3)
	sc.giveScaled(ev, httpUpstreamTime, turn, -3)
	if referrer := c.quoted(); !c.failed {
		sc.give(ev, httpReferrer, referrer)
	}
	if agent := c.quoted(); !c.failed {
		sc.give(ev, httpUserAgent, agent)
	}
	for range 5 { // the version, the host's ID, the signature, the cipher, how the user was authenticated
		c.word()
	}
	if domain := c.word(); !c.failed {
		sc.give(ev, httpDomain, domain)
	}
	sc.defaultMessage(ev, start, end)
	return true
}
