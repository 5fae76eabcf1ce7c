package export

import (
	"encoding/json"
	"slices"
	"strings"

	"pulse/stats"
	"pulse/stats/value"
)

const (
	gridWidth   = 24 // of a dashboard of Grafana's
	panelHeight = 8
	perRow      = 3 // panels, where the file has no pages

	// grafanaSchema is that of Grafana 10, which later ones migrate.
	grafanaSchema = 39
)

// A dashboard is as Grafana imports one.
type dashboard struct {
	Title         string         `json:"title"`
	UID           string         `json:"uid"`
	Tags          []string       `json:"tags"`
	Timezone      string         `json:"timezone"`
	SchemaVersion int            `json:"schemaVersion"`
	Refresh       string         `json:"refresh"`
	Time          map[string]any `json:"time"`
	Templating    map[string]any `json:"templating"`
	Panels        []panel        `json:"panels"`
}

type panel struct {
	ID          int          `json:"id"`
	Type        string       `json:"type"`
	Title       string       `json:"title"`
	Description string       `json:"description,omitempty"`
	GridPos     gridPos      `json:"gridPos"`
	Collapsed   *bool        `json:"collapsed,omitempty"` // of a row
	Datasource  *datasource  `json:"datasource,omitempty"`
	FieldConfig *fieldConfig `json:"fieldConfig,omitempty"`
	Options     any          `json:"options,omitempty"`
	Links       []link       `json:"links,omitempty"`
	Targets     []target     `json:"targets,omitempty"`
}

type gridPos struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type fieldConfig struct {
	Defaults  fieldDefaults `json:"defaults"`
	Overrides []any         `json:"overrides"`
}

type fieldDefaults struct {
	Unit       string         `json:"unit,omitempty"`
	Min        *float64       `json:"min,omitempty"`
	Custom     map[string]any `json:"custom"`
	Thresholds *thresholds    `json:"thresholds,omitempty"`
}

type thresholds struct {
	Mode  string `json:"mode"`
	Steps []step `json:"steps"`
}

type step struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"` // null: from the beginning
}

type link struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

type target struct {
	RefID        string `json:"refId"`
	Expr         string `json:"expr"`
	LegendFormat string `json:"legendFormat"`
	Format       string `json:"format,omitempty"`
}

// Grafana is a dashboard with the pages of definitions, each a row that can be closed; of
// definitions without pages with all stats. It asks the data source that is chosen at its top.
func Grafana(d *stats.Definitions, title string) ([]byte, error) {
	board := dashboard{
		Title: title, UID: "pulse-" + d.Version(), Tags: []string{"pulse"}, Timezone: "browser",
		SchemaVersion: grafanaSchema, Refresh: "5s",
		Time: map[string]any{"from": "now-15m", "to": "now"},
		Templating: map[string]any{"list": []any{
			map[string]any{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
		}},
		Panels: []panel{},
	}
	y := 0
	add := func(p panel) {
		p.ID = len(board.Panels) + 1
		board.Panels = append(board.Panels, p)
	}
	for _, page := range pagesOf(d) {
		if page.Title != "" {
			add(panel{Type: "row", Title: page.Title, GridPos: gridPos{H: 1, W: gridWidth, Y: y}, Collapsed: new(bool)})
			y++
		}
		for _, row := range page.Rows {
			width := max(gridWidth/max(len(row), 1), 2)
			for i, name := range row {
				s, err := d.Named(name)
				if err != nil {
					return nil, err
				}
				p := statPanel(s)
				p.GridPos = gridPos{H: panelHeight, W: width, X: i * width % gridWidth, Y: y + i*width/gridWidth*panelHeight}
				add(p)
			}
			y += (len(row)*width + gridWidth - 1) / gridWidth * panelHeight
		}
	}
	text, err := json.MarshalIndent(board, "", "  ")
	return append(text, '\n'), err
}

// pagesOf are the pages, or one of all stats.
func pagesOf(d *stats.Definitions) []stats.Page {
	if len(d.Pages) > 0 {
		return d.Pages
	}
	var names []string
	for _, s := range d.Stats {
		names = append(names, s.Name)
	}
	return []stats.Page{{Rows: slices.Collect(slices.Chunk(names, perRow))}}
}

func statPanel(s *stats.Stat) panel {
	p := panel{
		Type: "timeseries", Title: s.Title, Description: s.Help,
		Datasource: &datasource{Type: "prometheus", UID: "${datasource}"},
		Targets:    []target{{RefID: "A", Expr: selector(s.Name), LegendFormat: legend(s)}},
	}
	defaults := fieldDefaults{Unit: unit(s), Custom: map[string]any{
		"lineWidth": 1, "fillOpacity": 10,
		"spanNulls": false, // stale and unknown seconds are holes
	}}
	if steps := stepsOf(s); steps != nil {
		defaults.Thresholds = &thresholds{Mode: "absolute", Steps: steps}
		defaults.Custom["thresholdsStyle"] = map[string]string{"mode": "line"}
	}
	if s.Shape() == value.ShapeHistogram {
		p.Type, p.Targets[0].Format = "heatmap", "heatmap"
		defaults = fieldDefaults{Custom: map[string]any{}}
		p.Options = map[string]any{"calculate": false, "yAxis": map[string]string{"unit": unit(s)}}
	}
	p.FieldConfig = &fieldConfig{Defaults: defaults, Overrides: []any{}}
	if s.Link != "" {
		p.Links = []link{{Title: "More", URL: s.Link}}
	}
	return p
}

// legend names a number among those of its stat.
func legend(s *stats.Stat) string {
	names := labels(s)
	if len(names) == 0 {
		return s.Title
	}
	for i, name := range names {
		names[i] = "{{" + name + "}}"
	}
	return strings.Join(names, " ")
}

// units are Grafana's names of units.
var units = map[string]string{
	"ms": "ms", "s": "s", "us": "µs", "µs": "µs", "ns": "ns", "min": "m", "h": "h",
	"B": "bytes", "bytes": "bytes", "B/s": "binBps", "bytes/s": "binBps", "/s": "cps", "/min": "cpm", "%": "percent",
}

func unit(s *stats.Stat) string {
	switch name, known := units[s.Unit]; {
	case s.Unit == "":
		return "short"
	case s.Unit == "%" && s.Scale() == 100:
		return "percentunit"
	case known:
		return name
	}
	return "suffix: " + s.Unit
}

// stepsOf are the colors of a stat's thresholds; nil if it has none.
func stepsOf(s *stats.Stat) []step {
	const good, warn, crit = "green", "orange", "red"
	if s.Warn == nil && s.Crit == nil {
		return nil
	}
	if !s.Reversed {
		steps := []step{{good, nil}}
		if s.Warn != nil {
			steps = append(steps, step{warn, s.Warn})
		}
		if s.Crit != nil {
			steps = append(steps, step{crit, s.Crit})
		}
		return steps
	}
	var steps []step
	if s.Crit != nil {
		steps = append(steps, step{crit, nil})
	}
	if s.Warn != nil {
		steps = append(steps, step{warn, s.Crit})
		return append(steps, step{good, s.Warn})
	}
	return append(steps, step{good, s.Crit})
}
