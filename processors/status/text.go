package status

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxClocks is how many clocks that are off people are shown.
const maxClocks = 5

// maxNotes is how many notes people are shown.
const maxNotes = 20

// Text is what people read.
func (s *Status) Text() string {
	var b strings.Builder
	b.WriteString(s.Headline + "\n")
	if len(s.Problems) > 1 {
		b.WriteString("\n")
		for _, p := range s.Problems {
			since := ""
			if p.Since != nil {
				since = " since " + clockTime(*p.Since, s.At)
			}
			fmt.Fprintf(&b, "- %s%s: %s\n", p.What, since, p.Do)
		}
	}
	fmt.Fprintf(&b, "\nat           %s\ndefinitions  %s", s.At.Format("2006-01-02 15:04:05 UTC"), s.Version)
	if len(s.Others) > 0 {
		others := make([]string, len(s.Others))
		for i, g := range s.Others {
			others[i] = g.text()
		}
		fmt.Fprintf(&b, " (also here: %s)", strings.Join(others, "; "))
	}
	b.WriteString(s.History.text(s))
	ingesters := make([]string, len(s.Ingesters))
	for i, g := range s.Ingesters {
		ingesters[i] = g.Name + " at " + s.time(g.Clock)
		if g.Ahead > 0 {
			ingesters[i] += " (does not count)"
		}
	}
	if len(ingesters) == 0 {
		ingesters = []string{"none"}
	}
	fmt.Fprintf(&b, "\ningesters    %s\n", strings.Join(ingesters, ", "))
	fmt.Fprintf(&b, "receivers    %s\nmergers      %s\n", s.Receivers, s.Mergers)
	b.WriteString(s.Alerts.text(s.At))
	n := s.Lines
	fmt.Fprintf(&b, "last minute  %s lines, %s counted, %s late, %s unreadable, %s ahead,\n             %s undated, %s unparsed, %s half understood\n\n",
		thousands(n.In), percent(n.Counted, n.In), thousands(n.Late), thousands(n.Unreadable), thousands(n.Ahead),
		thousands(n.Undated), thousands(n.Unparsed), thousands(n.Half))

	b.WriteString(s.textOfClocks())
	raw := [][]string{{"events.raw", "written", "rolled up to", "behind", "lag", "owner"}}
	for _, p := range s.Sources {
		raw = append(raw, []string{strconv.Itoa(p.Partition), s.time(p.Written), s.time(p.Clock), spanCell(p.Behind), thousands(p.Lag), cmp.Or(p.Owner, "nobody")})
	}
	columns(&b, raw)
	b.WriteString("\n")
	fragments := [][]string{{"fragments", "closed", "behind", "checkpoint", "since then", "owner"}}
	for _, p := range s.Fragments {
		fragments = append(fragments, []string{strconv.Itoa(p.Partition), s.time(p.Closed), spanCell(p.Behind), s.time(p.Checkpoint), thousands(p.Lag), cmp.Or(p.Owner, "nobody")})
	}
	columns(&b, fragments)
	b.WriteString(s.textOfGarbage())
	b.WriteString(s.textOfFields())
	for i, n := range s.Notes {
		if i == 0 {
			b.WriteString("\n")
		}
		if i == maxNotes {
			fmt.Fprintf(&b, "- %d more, which --json has\n", len(s.Notes)-i)
			break
		}
		fmt.Fprintf(&b, "- %s: %s\n", n.Stat, n.Note)
	}
	return b.String()
}

// textOfClocks says whose lines were late or ahead.
func (s *Status) textOfClocks() string {
	if len(s.Clocks) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("late or ahead by their clocks:\n")
	for i, c := range s.Clocks {
		if i == maxClocks {
			fmt.Fprintf(&b, "- %d more, which --json has\n", len(s.Clocks)-i)
			break
		}
		fmt.Fprintf(&b, "- %s\n", c)
	}
	return b.String() + "\n"
}

// time is a time as a column has it.
func (s *Status) time(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return clockTime(*t, s.At)
}

// columns writes rows, the last column to the left and all others to the right.
func columns(b *strings.Builder, rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			fmt.Fprintf(b, "%*s  ", width[i], cell)
		}
		b.WriteString(row[len(row)-1] + "\n")
	}
}

// clockTime is a time of day, with its date unless that is now's.
func clockTime(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

func spanCell(s *float64) string {
	if s == nil {
		return "-"
	}
	return span(seconds(*s))
}

// seconds is a duration, at most as long as there are: forged clocks are thousands of years off.
func seconds(n float64) time.Duration {
	const most = math.MaxInt64 / int64(time.Second)
	return time.Duration(max(min(n, float64(most)), -float64(most)) * float64(time.Second))
}

// span is a duration in at most two units.
func span(d time.Duration) string {
	if d < 0 {
		if d > -time.Second {
			return "0.0 s" // two machines' clocks
		}
		return "-" + span(-max(d, -math.MaxInt64))
	}
	switch s := int64(d / time.Second); {
	case s < 10:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case s < 120:
		return fmt.Sprintf("%d s", s)
	case s < 2*3600:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	case s < 48*3600:
		return fmt.Sprintf("%d h %d min", s/3600, s/60%60)
	default:
		return fmt.Sprintf("%d d %d h", s/86400, s/3600%24)
	}
}

// thousands is a number with commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// percent is a share of lines; all of none is everything.
func percent(n, of int64) string {
	if of == 0 {
		return "100 %"
	}
	return strconv.FormatFloat(float64(n)*100/float64(of), 'g', 4, 64) + " %"
}
