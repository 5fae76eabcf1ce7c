// Package post sends requests to other systems over HTTP, and says what their answers mean: to
// all of them the same.
package post

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	maxSaid = 64 << 10 // bytes of an answer that are read
	within  = 15 * time.Second
)

// An Answer says what became of a request.
type Answer struct {
	Status  string // such as 503 Service Unavailable
	Taken   bool   // 2xx
	Later   bool   // 408, 429 or 5xx: sent again it may be taken; else, if it was not taken, never
	Said    []byte // the beginning of the body
	headers http.Header
}

// RetryAfter is the header of that name.
func (a Answer) RetryAfter() string { return a.headers.Get("Retry-After") }

// client follows no redirects: they would make a GET of a POST, and take secrets elsewhere.
var client = &http.Client{
	Timeout:       within,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Do sends a request. An error says why no answer came, without the URL, in which there may
// be a secret.
func Do(request *http.Request) (Answer, error) {
	response, err := client.Do(request) // #nosec G704 -- the URL is the operator's
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return Answer{}, err
	}
	defer response.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(response.Body, maxSaid)) // so that the connection is used again
	status := response.StatusCode
	return Answer{
		Status: response.Status, Taken: status/100 == 2,
		Later: status/100 == 5 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout,
		Said:  said, headers: response.Header,
	}, nil
}
