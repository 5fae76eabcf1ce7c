package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"pulse/stats"
	"pulse/stats/mark"
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

// marks tells which marks a scope's reader sees: those that its stats find in lines; nil: all.
func (c scope) marks(d *stats.Definitions) func(mark.Mark) bool {
	if c == "" {
		return nil
	}
	names := map[string]bool{}
	for _, name := range c.stats(d) {
		if st, err := d.Named(name); err == nil && st.Mark != nil {
			names[st.Mark.Name] = true
		}
	}
	return func(m mark.Mark) bool { return m.Lines > 0 && names[m.Name] }
}

// subscription is what somebody's socket gets: of what it asks for that which they may see.
func (s *Server) subscription(who identity, names []string) (Subscription, error) {
	sub, err := s.scoped(who.scope, names)
	sub.may, sub.session = who.role, who.session != ""
	return sub, err
}

// scoped is a subscription to what is in a scope.
func (s *Server) scoped(c scope, names []string) (Subscription, error) {
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
	sub.marks = c.marks(s.config.Definitions)
	sub.key += " " + string(c)
	return sub, err
}
