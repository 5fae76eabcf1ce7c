package export

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"pulse/stats"
	"pulse/stats/alert"
	"pulse/stats/value"
)

// A rule is an alerting rule of Prometheus.
type rule struct {
	Alert         string            `yaml:"alert"`
	Expr          string            `yaml:"expr"`
	For           string            `yaml:"for,omitempty"`
	KeepFiringFor string            `yaml:"keep_firing_for,omitempty"`
	Labels        map[string]string `yaml:"labels"`
	Annotations   map[string]string `yaml:"annotations,omitempty"`
}

type group struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval"`
	Rules    []rule `yaml:"rules"`
}

// ruleInterval is how often Prometheus works the rules out.
const ruleInterval = "5s"

// Rules is a file of rules for Prometheus with the alerts of definitions, nil if there are
// none. What a rule cannot say is in its comment: Prometheus looks every few seconds, and does not
// tell a second that is not known from one without samples.
func Rules(d *stats.Definitions) ([]byte, error) {
	if len(d.Alerts) == 0 {
		return nil, nil
	}
	g := group{Name: "pulse", Interval: ruleInterval}
	for _, r := range d.Alerts {
		s, err := d.Named(r.When.Stat)
		if err != nil {
			return nil, err
		}
		g.Rules = append(g.Rules, rulesOf(r, s)...)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# The alerts of Pulse's definitions, version %s, as rules of Prometheus.\n", d.Version())
	b.WriteString("# Pulse's own alerts are exact to the second; these are as good as what was scraped. An\n" +
		"# alert that holds while its stat is not known ends here when the samples do.\n")
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(map[string][]group{"groups": {g}}); err != nil {
		return nil, err
	}
	return b.Bytes(), encoder.Close()
}

func rulesOf(r *alert.Rule, s *stats.Stat) []rule {
	numbers := selector(s.Name, partOf(r.When, s)...)
	expr := comparison(numbers, r.When)
	if stays := r.Clear.Opposite(); r.Clear.Stat != "" && stays != r.When {
		// It goes on until clear holds.
		firing := fmt.Sprintf(`ALERTS{alertname=%s, alertstate="firing"}`, strconv.Quote(r.Name))
		expr = fmt.Sprintf("%s or (%s and on (%s) %s)", expr, comparison(numbers, stays), strings.Join(append([]string{"stat"}, labels(s)...), ", "), firing)
	}
	rules := []rule{{
		Alert: r.Name, Expr: expr, For: duration(r.For), KeepFiringFor: duration(r.Keep),
		Labels: map[string]string{"source": "pulse"}, Annotations: annotations(r, r.When.String()),
	}}
	if r.Unknown == alert.FireUnknown {
		rules = append(rules, rule{
			Alert: r.Name, Expr: "absent(" + selector(s.Name) + ")", For: duration(r.After),
			Labels:      map[string]string{"source": "pulse", "state": "unknown"},
			Annotations: annotations(r, s.Name+" is not known"),
		})
	}
	return rules
}

// partOf is the label of the number that a threshold is about.
func partOf(t alert.Threshold, s *stats.Stat) []value.Label {
	shape := s.Shape()
	if shape == value.ShapeKeyed {
		shape = s.KeyShape()
	}
	if t.Part == "" {
		return nil
	}
	return []value.Label{{Name: labelOf(shape), Text: t.Part}}
}

func comparison(numbers string, t alert.Threshold) string {
	return numbers + " " + string(t.Op) + " " + strconv.FormatFloat(t.Limit, 'g', -1, 64)
}

func annotations(r *alert.Rule, summary string) map[string]string {
	all := map[string]string{"summary": summary}
	if r.Help != "" {
		all["description"] = r.Help
	}
	if r.Runbook != "" {
		all["runbook_url"] = r.Runbook
	}
	return all
}

func duration(seconds int64) string {
	if seconds == 0 {
		return ""
	}
	return model.Duration(time.Duration(seconds) * time.Second).String()
}
