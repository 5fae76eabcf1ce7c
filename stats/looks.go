package stats

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseLook fills in what is for the page alone.
func (p *parser) parseLook(s *Stat, values map[string]*yaml.Node) {
	s.Title = s.Name
	for _, t := range []struct {
		key   string
		to    *string
		limit int
	}{{"title", &s.Title, MaxName}, {"unit", &s.Unit, MaxUnit}, {"help", &s.Help, MaxHelp}, {"link", &s.Link, MaxLink}} {
		if n := values[t.key]; n != nil {
			if text, ok := p.text(n, t.key, t.limit); ok {
				*t.to = text
			}
		}
	}
	p.checkAddress(values["link"], "link", s.Link)
	if n := values["reversed"]; n != nil {
		s.Reversed = p.boolean(n, "reversed")
	}
	for _, t := range []struct {
		key string
		to  **float64
	}{{"warn", &s.Warn}, {"crit", &s.Crit}} {
		if n := values[t.key]; n != nil {
			if f, ok := p.number(n, t.key); ok {
				*t.to = &f
			}
		}
	}
	if s.Warn == nil || s.Crit == nil {
		return
	}
	switch {
	case !s.Reversed && *s.Crit < *s.Warn:
		p.errorf(values["crit"], "crit is below warn: if low values are bad, write reversed: true")
	case s.Reversed && *s.Crit > *s.Warn:
		p.errorf(values["crit"], "crit is above warn, but the stat is reversed: low values are bad")
	}
}

// checkAddress notes where an address leads to no web page.
func (p *parser) checkAddress(n *yaml.Node, what, address string) {
	if address != "" && !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") {
		p.errorf(n, "%s must begin with https:// or http://, not %s", what, address)
	}
}

func (p *parser) parsePages(d *Definitions, n *yaml.Node) {
	if n == nil {
		return
	}
	panels := 0
	titles := make(map[string]bool)
	var scoped []Page
	for _, e := range p.sequence(n, "pages") {
		values := p.mapping(e, "a page", pageKeys)
		var page Page
		if title := values["title"]; title != nil {
			page.Title, _ = p.text(title, "title", MaxName)
			if titles[page.Title] && page.Title != "" {
				p.errorf(title, "there is already a page %q: choose another title", page.Title)
			}
			titles[page.Title] = true
		} else if e.Kind == yaml.MappingNode {
			p.errorf(e, "this page has no title: give it one")
		}
		if rows := values["rows"]; rows != nil {
			for _, r := range p.sequence(rows, "rows") {
				row := p.parseRow(p.sequence(r, "a row"), MaxPanels-panels)
				// Aliases can repeat rows and pages: the bound is on their sum.
				if panels += max(1, len(row)); panels > MaxPanels {
					p.errorf(r, "the pages have more than %d panels", MaxPanels)
					return
				}
				page.Rows = append(page.Rows, row)
			}
		} else if e.Kind == yaml.MappingNode {
			p.errorf(e, "this page has no rows: give it some under rows")
		}
		d.Pages = append(d.Pages, page)
		if len(p.errs) == maxErrors || len(d.Pages) > MaxPanels {
			return
		}
		if p.isScoped(values["scope"], "a page") {
			scoped = append(scoped, page)
		}
	}
	for _, page := range p.pagesOfOthers(scoped) {
		if titles[page.Title] {
			p.errorf(n, "there is a page %q already, and the scope makes one of that name", page.Title)
		}
		for _, row := range page.Rows {
			panels += len(row)
		}
		d.Pages = append(d.Pages, page)
	}
	if panels > MaxPanels {
		p.errorf(n, "the pages have more than %d panels, with those of the scope", MaxPanels)
	}
}

// parseRow gives the names of a row's stats. The name of a family stands for
// all of them, and one without its scope for the default value's. What is
// beyond limit is left out, but for the first beyond.
func (p *parser) parseRow(names []*yaml.Node, limit int) []string {
	var row []string
	for _, n := range names {
		if len(row) > limit {
			break
		}
		name, ok := p.text(n, "the name of a stat", MaxName)
		if !ok {
			continue
		}
		if p.byName[name] != nil {
			row = append(row, name)
			continue
		}
		refs := p.refs[name]
		if refs == nil {
			p.errorf(n, "there is no stat %s%s", name, nearest(name, slices.Sorted(maps.Keys(p.byName))))
		}
		row = append(row, refs...)
	}
	return row
}
