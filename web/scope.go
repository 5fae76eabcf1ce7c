package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"pulse/stats"
)

// A scope is what a share link is for: "" is all, "stat:NAME" one stat, "page:TITLE" one
// page of the definitions.
type scope string

const (
	statScope = "stat:"
	pageScope = "page:"
)

// scopeOf makes one of what a request asks for.
func (s *Server) scopeOf(r *http.Request) (scope, error) {
	stat, page := r.URL.Query().Get("stat"), r.URL.Query().Get("page")
	switch {
	case stat != "" && page != "":
		return "", errors.New("give stat or page, not both")
	case stat != "":
		if _, ok := s.store.index[stat]; !ok {
			return "", fmt.Errorf("there is no stat %.80q; /api/stats lists them", stat)
		}
		return scope(statScope + stat), nil
	case page != "":
		if !slices.ContainsFunc(s.config.Definitions.Pages, func(p stats.Page) bool { return p.Title == page }) {
			return "", fmt.Errorf("there is no page %.80q in the definitions", page)
		}
		return scope(pageScope + page), nil
	}
	return "", nil
}

// pages is what a scope's reader sees: a page with the stat, or the page. There is none where
// definitions no longer have it.
func (c scope) pages(d *stats.Definitions) []stats.Page {
	if name, ok := strings.CutPrefix(string(c), statScope); ok {
		if st, err := d.Named(name); err == nil {
			return []stats.Page{{Title: st.Title, Rows: [][]string{{name}}}}
		}
		return nil
	}
	title := strings.TrimPrefix(string(c), pageScope)
	i := slices.IndexFunc(d.Pages, func(p stats.Page) bool { return p.Title == title })
	if i < 0 {
		return nil
	}
	return d.Pages[i : i+1]
}

// stats is the names of the stats that a scope's reader sees.
func (c scope) stats(d *stats.Definitions) (names []string) {
	for _, p := range c.pages(d) {
		names = slices.Concat(names, slices.Concat(p.Rows...))
	}
	return names
}

// scopeKey is where a request's context has the scope of its share link.
type scopeKey struct{}

// scoped gives the scope of the share link by which a request came in; "": it may see all.
func scoped(ctx context.Context) scope {
	c, _ := ctx.Value(scopeKey{}).(scope)
	return c
}

// within lets those who came by a share link of a scope have what is in it, and refuses all
// else: what is added later is not theirs until it is named here.
func (s *Server) within(page []*file, next http.Handler) http.Handler {
	files := map[string]bool{"/": true}
	for _, f := range page {
		files[f.route] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := scoped(r.Context())
		name, ofStat := strings.CutPrefix(r.URL.Path, "/api/stats/")
		switch {
		case c == "", files[r.URL.Path], r.URL.Path == "/ws", r.URL.Path == "/api/marks",
			ofStat && slices.Contains(c.stats(s.config.Definitions), name):
			next.ServeHTTP(w, r)
		default:
			http.Error(w, "this share link is for a part of the numbers alone: ask for another one", http.StatusForbidden)
		}
	})
}

// subscription is what a socket of a scope gets: of what it asks for that which is in it.
func (s *Server) subscription(c scope, names []string) (Subscription, error) {
	if c == "" {
		return s.hub.Subscribe(names)
	}
	in := c.stats(s.config.Definitions)
	if len(names) > 0 {
		in = slices.DeleteFunc(in, func(name string) bool { return !slices.Contains(names, name) })
	}
	if len(in) == 0 {
		return Subscription{}, errors.New("the definitions no longer have what this share link is for")
	}
	sub, err := s.hub.Subscribe(in)
	sub.pages = pagesJSON(c.pages(s.config.Definitions))
	sub.key += " " + string(c)
	return sub, err
}
